// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import java.util.stream.IntStream;

/** How a kind of tokenizer writes text in tokens: plain text, without special tokens in it. */
interface Pieces extends AutoCloseable {
  /**
   * Splits a text that is not empty.
   *
   * @param first whether it begins the whole text, or follows a special token
   */
  void encode(String text, boolean first, IntStream.Builder tokens);

  /** The bytes that a token of the types NORMAL, UNUSED and BYTE stands for. */
  byte[] decode(String piece, TokenType type);

  @Override
  void close();
}
