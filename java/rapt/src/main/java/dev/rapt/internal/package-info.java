// SPDX-License-Identifier: Apache-2.0

/** What stands between the public API and the backends: validated calls, options, lifetimes. */
@NullMarked
package dev.rapt.internal;

import org.jspecify.annotations.NullMarked;
