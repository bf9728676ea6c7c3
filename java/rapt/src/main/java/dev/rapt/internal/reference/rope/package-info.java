// SPDX-License-Identifier: Apache-2.0

/** Rotary position embedding by its definition, in double. */
@NullMarked
package dev.rapt.internal.reference.rope;

import org.jspecify.annotations.NullMarked;
