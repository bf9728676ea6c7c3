// SPDX-License-Identifier: Apache-2.0
/** What keeps a terminal safe from the texts, file names and messages that are printed on it. */
@NullMarked
package dev.rapt.cli.terminal;

import org.jspecify.annotations.NullMarked;
