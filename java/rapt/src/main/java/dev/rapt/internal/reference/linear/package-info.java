// SPDX-License-Identifier: Apache-2.0

/** Linear layers by their definition, in double. */
@NullMarked
package dev.rapt.internal.reference.linear;

import org.jspecify.annotations.NullMarked;
