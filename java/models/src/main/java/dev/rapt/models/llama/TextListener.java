// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

/** Hears of texts while they are written. What it throws ends the batch. */
public interface TextListener {
  /**
   * The next part of a text, which may end within a word. By default nothing is done with it.
   *
   * @param prompt the number of its prompt, from 0
   * @param continuation which one of this prompt, from 1
   */
  default void written(int prompt, int continuation, String part) {}

  /** A text is over. */
  void finished(Generated text);
}
