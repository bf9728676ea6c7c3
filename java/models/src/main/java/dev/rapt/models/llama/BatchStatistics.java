// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Plan;
import java.util.List;

/**
 * What a batch of texts took. Immutable.
 *
 * @param prompts reading them, up to the first token of each text
 * @param writing the tokens behind the first of each text, the one that ends it among them
 * @param mostPages pages of the cache that were in use at once, at most
 * @param mostShared pages that several texts held at once, at most
 * @param pageTokens tokens of a page
 * @param pageBytes memory of a page
 */
public record BatchStatistics(
    Work prompts, Work writing, int mostPages, int mostShared, int pageTokens, long pageBytes) {

  /**
   * Tokens of one kind. Where a step has both kinds, its time is divided by their numbers.
   *
   * @param tokens that were computed
   * @param nanos that it took
   * @param plans a projection's and attention's, as they were in the first such step; none where
   *     there was none. A step with parts of prompts counts as one of prompts.
   */
  public record Work(long tokens, long nanos, List<Plan> plans) {}

  /** The memory of the pages that were in use at once, at most. */
  public long mostBytes() {
    return mostPages * pageBytes;
  }
}
