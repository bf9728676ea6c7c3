// SPDX-License-Identifier: Apache-2.0

/** Attention by its definition, in double. */
@NullMarked
package dev.rapt.internal.reference.sdpa;

import org.jspecify.annotations.NullMarked;
