// SPDX-License-Identifier: Apache-2.0

/** Two programs that are hard on the library: many threads at once, and calls that are wrong. */
@NullMarked
package dev.rapt.stress;

import org.jspecify.annotations.NullMarked;
