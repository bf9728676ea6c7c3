// SPDX-License-Identifier: Apache-2.0

/** Calls of every operation, drawn by a seed. */
package dev.rapt.stress.call;
