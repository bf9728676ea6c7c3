// SPDX-License-Identifier: Apache-2.0

/** The operations: a table of operands and the rules between them for each, whatever the device. */
@NullMarked
package dev.rapt.internal.ops;

import org.jspecify.annotations.NullMarked;
