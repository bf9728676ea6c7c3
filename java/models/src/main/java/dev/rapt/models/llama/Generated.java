// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import java.util.List;

/**
 * A text that a generator has written. Immutable.
 *
 * @param prompt the number of its prompt among those of a {@link TextBatch}, from 0
 * @param continuation which one of this prompt, from 1
 * @param seed of its draws
 * @param promptTokens tokens of the prompt
 * @param tokens that were written, without the one that ended the text
 * @param text that they stand for
 * @param end why it stopped
 */
public record Generated(
    int prompt,
    int continuation,
    long seed,
    List<Integer> promptTokens,
    List<Integer> tokens,
    String text,
    End end) {

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
