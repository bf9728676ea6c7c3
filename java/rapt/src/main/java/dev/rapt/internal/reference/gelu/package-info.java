// SPDX-License-Identifier: Apache-2.0

/** GELU by its definition, in double. */
@NullMarked
package dev.rapt.internal.reference.gelu;

import org.jspecify.annotations.NullMarked;
