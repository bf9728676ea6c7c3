// SPDX-License-Identifier: Apache-2.0
/** How lines are read and files are written. */
@NullMarked
package dev.rapt.cli.files;

import org.jspecify.annotations.NullMarked;
