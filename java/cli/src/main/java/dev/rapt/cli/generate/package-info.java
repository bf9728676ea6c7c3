// SPDX-License-Identifier: Apache-2.0
/**
 * What {@code rapt generate} makes of the texts that are written: on standard output and beside.
 */
@NullMarked
package dev.rapt.cli.generate;

import org.jspecify.annotations.NullMarked;
