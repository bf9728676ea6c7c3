// SPDX-License-Identifier: Apache-2.0
/** The application {@code rapt}: commands explain, embed, generate and info. */
@NullMarked
package dev.rapt.cli;

import org.jspecify.annotations.NullMarked;
