// SPDX-License-Identifier: Apache-2.0

/**
 * The definition of every operation in plain Java: no tiling, no online softmax, no tricks. Also
 * the backend behind {@link dev.rapt.Device#java()}.
 */
@NullMarked
package dev.rapt.internal.reference;

import org.jspecify.annotations.NullMarked;
