// SPDX-License-Identifier: Apache-2.0

/** Multi-head attention by its definition, in double. */
@NullMarked
package dev.rapt.internal.reference.mha;

import org.jspecify.annotations.NullMarked;
