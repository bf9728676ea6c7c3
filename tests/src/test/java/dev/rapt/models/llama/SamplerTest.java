// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Tokens are drawn as often as their logits, the temperature and the cuts say. */
class SamplerTest {
  private static final int DRAWS = 100_000;

  /** Of probabilities 0.4, 0.3, 0.2 and 0.1, in another order. */
  private static final float[] LOGITS = logs(0.2, 0.4, 0.1, 0.3);

  private static float[] logs(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]) + 5;
    }
    return logits;
  }

  private static void assertShares(Sampling sampling, double... expected) {
    Sampler sampler = new Sampler(sampling, LOGITS.length);
    int[] counts = new int[LOGITS.length];
    for (int i = 0; i < DRAWS; i++) {
      counts[sampler.next(LOGITS)]++;
    }
    for (int token = 0; token < counts.length; token++) {
      double share = (double) counts[token] / DRAWS;
      String all = sampling + ": " + Arrays.toString(counts);
      // Five standard deviations; what is cut off never comes.
      double deviation = Math.sqrt(expected[token] * (1 - expected[token]) / DRAWS);
      assertTrue(Math.abs(share - expected[token]) <= 5 * deviation, all);
    }
  }

  @Test
  void sharesAreProbabilities() {
    assertShares(new Sampling(1, 0, 1, 1), 0.2, 0.4, 0.1, 0.3);
    assertShares(new Sampling(1, 4, 1, 1), 0.2, 0.4, 0.1, 0.3);
    // The root of the probabilities, of which the sum is 1.9436.
    assertShares(new Sampling(2, 0, 1, 1), 0.2301, 0.3254, 0.1627, 0.2818);
    assertShares(new Sampling(0, 0, 1, 1), 0, 1, 0, 0);
  }

  @Test
  void topKKeepsTheMostLikely() {
    assertShares(new Sampling(1, 1, 1, 1), 0, 1, 0, 0);
    assertShares(new Sampling(1, 2, 1, 1), 0, 4 / 7.0, 0, 3 / 7.0);
    assertShares(new Sampling(1, 3, 1, 1), 2 / 9.0, 4 / 9.0, 0, 3 / 9.0);
    assertShares(new Sampling(1, 99, 1, 1), 0.2, 0.4, 0.1, 0.3);
  }

  @Test
  void topPKeepsAsManyAsTogetherHaveIt() {
    assertShares(new Sampling(1, 0, 0.1, 1), 0, 1, 0, 0);
    assertShares(new Sampling(1, 0, 0.5, 1), 0, 4 / 7.0, 0, 3 / 7.0);
    assertShares(new Sampling(1, 0, 0.75, 1), 2 / 9.0, 4 / 9.0, 0, 3 / 9.0);
    // Of the two that topK keeps, the first has 4 / 7.
    assertShares(new Sampling(1, 2, 0.5, 1), 0, 1, 0, 0);
  }

  @Test
  void equalLogitsGoToTheLowerToken() {
    float[] equal = {1, 3, 3, 3};
    assertEquals(1, new Sampler(Sampling.GREEDY, 4).next(equal));
    assertEquals(1, new Sampler(new Sampling(1, 1, 1, 9), 4).next(equal));
  }

  /** The heap is a sort: whatever is drawn is among the first of a sorted array. */
  @Test
  void cutsAreThoseOfASort() {
    Random random = new Random(4);
    for (int round = 0; round < 300; round++) {
      float[] logits = new float[random.nextInt(1, 200)];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = random.nextInt(20);
      }
      int k = random.nextInt(1, logits.length + 1);
      float[] sorted = logits.clone();
      Arrays.sort(sorted);
      Sampler sampler = new Sampler(new Sampling(50, k, 1, round), logits.length);
      for (int draw = 0; draw < 20; draw++) {
        assertTrue(logits[sampler.next(logits)] >= sorted[logits.length - k]);
      }
    }
  }

  @Test
  void seedsGiveTheDraws() {
    Sampler first = new Sampler(new Sampling(1, 0, 1, 7), 4);
    Sampler same = new Sampler(new Sampling(1, 0, 1, 7), 4);
    Sampler other = new Sampler(new Sampling(1, 0, 1, 8), 4);
    int different = 0;
    for (int draw = 0; draw < 50; draw++) {
      int token = first.next(LOGITS);
      assertEquals(token, same.next(LOGITS));
      different += token == other.next(LOGITS) ? 0 : 1;
    }
    assertTrue(different > 0);
  }

  @Test
  void whatIsNoNumberIsNamed() {
    Sampler sampler = new Sampler(Sampling.GREEDY, 2);
    says("the logit of token 1 is NaN", () -> sampler.next(new float[] {0, Float.NaN}));
    says("the largest logit is Infinity", () -> sampler.next(new float[] {0, 1 / 0f}));
    float none = Float.NEGATIVE_INFINITY;
    says("the largest logit is -Infinity", () -> sampler.next(new float[] {none, none}));
    assertEquals(1, sampler.next(new float[] {none, 0}));
    refused("temperature is -1.0", () -> new Sampling(-1, 0, 1, 0));
    refused("temperature is NaN", () -> new Sampling(Double.NaN, 0, 1, 0));
    refused("topK is -1", () -> new Sampling(0, -1, 1, 0));
    refused("topP is 0.0", () -> new Sampling(0, 0, 0, 0));
    refused("topP is 1.5", () -> new Sampling(0, 0, 1.5, 0));
  }

  private static void says(String expected, Runnable call) {
    String message = assertThrows(IllegalStateException.class, call::run).getMessage();
    assertTrue(message.contains(expected), message);
  }

  private static void refused(String expected, Runnable call) {
    String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
