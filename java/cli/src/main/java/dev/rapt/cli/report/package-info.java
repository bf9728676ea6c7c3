// SPDX-License-Identifier: Apache-2.0
/** What {@code rapt explain} shows: links between words, a picture, the weights as JSON. */
@NullMarked
package dev.rapt.cli.report;

import org.jspecify.annotations.NullMarked;
