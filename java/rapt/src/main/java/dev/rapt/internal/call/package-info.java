// SPDX-License-Identifier: Apache-2.0

/**
 * The one way of a call: what an operation is (its table of operands), the frame that carries a
 * call's tensors and sizes, the struct that is written from both, and the backends that run it.
 */
@NullMarked
package dev.rapt.internal.call;

import org.jspecify.annotations.NullMarked;
