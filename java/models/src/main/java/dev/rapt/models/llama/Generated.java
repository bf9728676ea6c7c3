// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.Plan;
import java.util.List;

/**
 * What a generator has written, and how long it took.
 *
 * @param prompt tokens of the prompt
 * @param tokens that were written, without the one that ended the text
 * @param end why it stopped
 * @param promptNanos reading the prompt, up to the first token
 * @param writingNanos all tokens behind the first
 * @param promptPlans a projection's and attention's, for the prompt
 * @param writingPlans the same for a token
 */
public record Generated(
    List<Integer> prompt,
    List<Integer> tokens,
    End end,
    long promptNanos,
    long writingNanos,
    List<Plan> promptPlans,
    List<Plan> writingPlans) {

  /**
   * Tokens that were computed in {@link #writingNanos}: all behind the first, which comes with the
   * prompt, and the one that ended the text.
   */
  public int computed() {
    return end == End.TOKEN ? tokens.size() : tokens.size() - 1;
  }

  /** Why a text is over. */
  public enum End {
    /** The model has ended it. */
    TOKEN,
    /** As many tokens are there as were asked for. */
    LENGTH,
    /** The model's context is full. */
    CONTEXT
  }
}
