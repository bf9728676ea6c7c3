// SPDX-License-Identifier: Apache-2.0
/** How files are written. */
@NullMarked
package dev.rapt.cli.files;

import org.jspecify.annotations.NullMarked;
