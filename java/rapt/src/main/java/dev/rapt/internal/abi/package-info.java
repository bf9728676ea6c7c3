// SPDX-License-Identifier: Apache-2.0

/** The backends behind the native library: call frames, downcalls and what they report. */
@NullMarked
package dev.rapt.internal.abi;

import org.jspecify.annotations.NullMarked;
