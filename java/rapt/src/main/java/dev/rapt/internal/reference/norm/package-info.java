// SPDX-License-Identifier: Apache-2.0

/** Layer normalisation by its definition, in double. */
@NullMarked
package dev.rapt.internal.reference.norm;

import org.jspecify.annotations.NullMarked;
