// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import java.util.SplittableRandom;

/**
 * How the next token is chosen: the logits are divided by the temperature, the most likely tokens
 * are kept, by number and then by probability, and one of these is drawn. Immutable.
 *
 * @param temperature 0 = the most likely token, and nothing is drawn
 * @param topK how many tokens are kept; 0 = all
 * @param topP as many of these are kept, the most likely first, as together have this probability;
 *     1 = all
 * @param seed of the draws: equal seeds and logits give equal tokens
 */
public record Sampling(double temperature, int topK, double topP, long seed) {
  /** The most likely token each time. */
  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException naming the value and what is allowed
   */
  public Sampling {
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException(
          "temperature is " + temperature + "; allowed: 0 (greedy) or positive numbers");
    }
    if (topK < 0) {
      throw new IllegalArgumentException("topK is " + topK + "; allowed: 0 (all) or more");
    }
    if (!(topP > 0) || topP > 1) {
      throw new IllegalArgumentException(
          "topP is " + topP + "; allowed: more than 0, up to 1 (all)");
    }
  }

  /**
   * The same for the so-manieth continuation of a prompt: the first one has this seed, the others
   * have seeds that are drawn from it.
   */
  public Sampling ofContinuation(int number) {
    if (number == 1) {
      return this;
    }
    // Drawn twice, so that continuations of neighbouring seeds have no seed in common.
    long drawn = new SplittableRandom(seed).nextLong();
    long own = new SplittableRandom(drawn + number).nextLong();
    return new Sampling(temperature, topK, topP, own);
  }
}
