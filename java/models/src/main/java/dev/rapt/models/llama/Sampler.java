// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import java.util.SplittableRandom;

/**
 * Chooses tokens by their logits. Of equal logits the lower token comes first. Holtzman et al.
 * (2020) for topP, Fan, Lewis and Dauphin (2018) for topK. Not thread-safe.
 */
final class Sampler {
  private final Sampling sampling;
  private final SplittableRandom random;

  /**
   * Weights of the tokens, and the tokens as a heap with the largest weight at its root; none where
   * nothing is drawn.
   */
  private final double[] weights;

  private final int[] heap;
  private int size;

  Sampler(Sampling sampling, int vocabulary) {
    this.sampling = sampling;
    random = new SplittableRandom(sampling.seed());
    int drawn = sampling.temperature() == 0 ? 0 : vocabulary;
    weights = new double[drawn];
    heap = new int[drawn];
  }

  /**
   * The next token.
   *
   * @throws IllegalStateException where a logit is NaN or the largest is infinite
   */
  int next(float[] logits) {
    int best = best(logits);
    if (sampling.temperature() == 0) {
      return best;
    }
    double all = 0;
    for (int token = 0; token < logits.length; token++) {
      weights[token] = Math.exp((logits[token] - logits[best]) / sampling.temperature());
      all += weights[token];
    }
    boolean everything =
        sampling.topP() == 1 && (sampling.topK() == 0 || sampling.topK() >= logits.length);
    return everything ? drawOfAll(all, best) : drawOfMostLikely(all);
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int token = 0; token < logits.length; token++) {
      if (Float.isNaN(logits[token])) {
        throw new IllegalStateException("the logit of token " + token + " is NaN");
      }
      best = logits[token] > logits[best] ? token : best;
    }
    if (Float.isInfinite(logits[best])) {
      throw new IllegalStateException("the largest logit is " + logits[best]);
    }
    return best;
  }

  private int drawOfAll(double all, int best) {
    double rest = random.nextDouble() * all;
    for (int token = 0; token < weights.length; token++) {
      rest -= weights[token];
      if (rest < 0) {
        return token;
      }
    }
    return best; // what was rounded off is left
  }

  /** Takes tokens off the heap, behind its end, until enough are there. */
  private int drawOfMostLikely(double all) {
    build();
    int most = sampling.topK() == 0 ? heap.length : Math.min(sampling.topK(), heap.length);
    double among = all;
    if (most < heap.length) {
      among = 0;
      for (int i = 0; i < most; i++) {
        among += weights[pop()];
      }
    }
    double enough = sampling.topP() * among;
    double kept = 0;
    int count = 0;
    while (count < most && kept < enough) {
      if (heap.length - count == size) {
        pop();
      }
      kept += weights[heap[heap.length - 1 - count]];
      count++;
    }
    double rest = random.nextDouble() * kept;
    for (int i = 0; i < count; i++) {
      int token = heap[heap.length - 1 - i];
      rest -= weights[token];
      if (rest < 0) {
        return token;
      }
    }
    return heap[heap.length - 1]; // what was rounded off is left
  }

  private void build() {
    size = heap.length;
    for (int i = 0; i < size; i++) {
      heap[i] = i;
    }
    for (int i = size / 2 - 1; i >= 0; i--) {
      sink(i);
    }
  }

  /** Takes the root, which then lies behind the heap's end. */
  private int pop() {
    int root = heap[0];
    size--;
    heap[0] = heap[size];
    heap[size] = root;
    sink(0);
    return root;
  }

  private void sink(int from) {
    int at = from;
    for (int child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && isBefore(heap[child + 1], heap[child])) {
        child++;
      }
      if (!isBefore(heap[child], heap[at])) {
        return;
      }
      int token = heap[at];
      heap[at] = heap[child];
      heap[child] = token;
      at = child;
    }
  }

  private boolean isBefore(int token, int other) {
    return weights[token] > weights[other] || weights[token] == weights[other] && token < other;
  }
}
