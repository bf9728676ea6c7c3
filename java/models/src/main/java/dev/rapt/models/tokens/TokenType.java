// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import dev.rapt.models.gguf.GgufException;

/** What kind of token it is, in the order of the numbers in a GGUF file, from 1. */
enum TokenType {
  NORMAL,
  UNKNOWN,
  CONTROL,
  USER_DEFINED,
  UNUSED,
  BYTE;

  static TokenType of(int number, int token) throws GgufException {
    // Some files give 0, undefined, to tokens that pad the vocabulary.
    if (number == 0) {
      return UNUSED;
    }
    if (number < 1 || number > values().length) {
      throw new GgufException(
          "the type of token "
              + token
              + " is "
              + number
              + "; allowed: 1 (normal) to "
              + values().length
              + " (byte)");
    }
    return values()[number - 1];
  }

  /** Whether it is found in a text as it stands, before anything else is looked for. */
  boolean isSpecial() {
    return this == CONTROL || this == USER_DEFINED;
  }
}
