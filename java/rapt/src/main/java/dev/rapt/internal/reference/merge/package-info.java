// SPDX-License-Identifier: Apache-2.0

/** Merging by its definition, in double. */
@NullMarked
package dev.rapt.internal.reference.merge;

import org.jspecify.annotations.NullMarked;
