// SPDX-License-Identifier: Apache-2.0
/** What {@code rapt embed} does: lines in, batches through the encoder, JSON lines out. */
@NullMarked
package dev.rapt.cli.embed;

import org.jspecify.annotations.NullMarked;
