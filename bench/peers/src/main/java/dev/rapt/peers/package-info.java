// SPDX-License-Identifier: Apache-2.0
/** The side-by-side benchmark: one command over several worker processes. */
package dev.rapt.peers;
