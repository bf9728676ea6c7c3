// SPDX-License-Identifier: Apache-2.0

/** Calls that are wrong: the exception that was promised, and nothing written. */
@NullMarked
package dev.rapt.stress.hostile;

import org.jspecify.annotations.NullMarked;
