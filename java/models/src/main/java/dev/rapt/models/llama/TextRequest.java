// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

/**
 * A prompt, and what is to become of it.
 *
 * @param number among the prompts of a batch, from 0
 * @param tokens of the prompt; not to be changed
 * @param continuations how many
 * @param sampling of the first one
 * @param maxTokens that each of them may have
 * @param longest tokens of a text that come to the cache, those of the prompt among them
 */
record TextRequest(
    int number, int[] tokens, int continuations, Sampling sampling, int maxTokens, int longest) {

  /** Pages of a cache that all continuations share: those that the prompt fills. */
  int sharedPages() {
    return tokens.length / LlamaModel.PAGE_SIZE;
  }

  /** Pages of the prompt that it does not fill, 0 or 1. */
  int partialPages() {
    return pages(tokens.length) - sharedPages();
  }

  /** Pages that a continuation may need for itself. */
  int ownPages() {
    return pages(longest) - sharedPages();
  }

  /** Pages without which not even one continuation after the other can be written. */
  int leastPages() {
    return sharedPages() + ownPages() + keptPages();
  }

  /** Pages that are kept for the continuations that have not begun. */
  int keptPages() {
    return continuations > 1 ? partialPages() : 0;
  }

  private static int pages(int tokens) {
    return Math.ceilDiv(tokens, LlamaModel.PAGE_SIZE);
  }
}
