// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

/**
 * The pages of a {@link KvCache} at one moment.
 *
 * {@snippet :
 * CacheStatistics now = cache.statistics();
 * double filled = (double) (now.used() - now.reclaimable()) / now.pages();
 * }
 *
 * @param pages all of them
 * @param used those that somebody holds: sequences, steps, the prefix index
 * @param shared those among them that are held more than once
 * @param reclaimable those among them that only the prefix index holds and that can be taken from
 *     it
 * @param free those that nobody holds
 * @param pageBytes the memory of a page
 */
public record CacheStatistics(
    int pages, int used, int shared, int reclaimable, int free, long pageBytes) {}
