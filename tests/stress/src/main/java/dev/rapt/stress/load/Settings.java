// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

/**
 * How long and with how many threads a run goes.
 *
 * @param seconds at most
 * @param calls 0 = as many as there is time for
 * @param cases how many problems are drawn
 */
public record Settings(
    long seed, long seconds, long calls, int cases, int platformThreads, int virtualThreads) {}
