// SPDX-License-Identifier: Apache-2.0

/** Appending to a cache by its definition, in double. */
@NullMarked
package dev.rapt.internal.reference.append;

import org.jspecify.annotations.NullMarked;
