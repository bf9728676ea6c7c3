// SPDX-License-Identifier: Apache-2.0
/** One shape in one process: operands, contenders, judgement of results, turns. */
package dev.rapt.peers.contest;
