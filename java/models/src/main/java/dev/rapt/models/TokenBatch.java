// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import java.util.List;

/**
 * Several texts as one rectangle (size, length), shorter ones padded at the end. Immutable,
 * thread-safe.
 */
public final class TokenBatch {
  private final List<TokenizedText> texts;
  private final int length;

  private TokenBatch(List<TokenizedText> texts, int length) {
    this.texts = texts;
    this.length = length;
  }

  /**
   * Puts one or more texts side by side. The texts are not copied: leave their ids unchanged.
   *
   * @throws IllegalArgumentException if there is no text
   */
  public static TokenBatch of(List<TokenizedText> texts) {
    if (texts.isEmpty()) {
      throw new IllegalArgumentException("a batch needs at least one text");
    }
    int length = texts.stream().mapToInt(TokenizedText::length).max().orElseThrow();
    return new TokenBatch(List.copyOf(texts), length);
  }

  /** Number of texts. */
  public int size() {
    return texts.size();
  }

  /** Tokens of the longest text. */
  public int length() {
    return length;
  }

  /** Tokens of one text, padding not counted. */
  public int length(int text) {
    return texts.get(text).length();
  }

  /** True if some text is shorter than the longest. */
  public boolean isPadded() {
    return texts.stream().anyMatch(text -> text.length() < length);
  }

  /** The vocabulary index of a token; the id of [PAD] beyond the end of a text. */
  public int id(int text, int position) {
    int[] ids = texts.get(text).ids();
    return position < ids.length ? ids[position] : 0;
  }
}
