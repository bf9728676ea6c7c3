// SPDX-License-Identifier: Apache-2.0

/** Finding, unpacking, verifying and loading the native library. */
@NullMarked
package dev.rapt.internal.natives;

import org.jspecify.annotations.NullMarked;
