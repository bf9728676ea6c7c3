// SPDX-License-Identifier: Apache-2.0

/** The backend behind the native library: call frames, downcalls and what they report. */
@NullMarked
package dev.rapt.internal.cpu;

import org.jspecify.annotations.NullMarked;
