// SPDX-License-Identifier: Apache-2.0

/** Many threads at once: equal bits, exceptions that were promised, flat memory. */
@NullMarked
package dev.rapt.stress.load;

import org.jspecify.annotations.NullMarked;
