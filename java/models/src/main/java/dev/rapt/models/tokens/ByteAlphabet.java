// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The letters by which byte-level tokenizers write bytes: printable ones of Latin-1 stand for
 * themselves, the others for the letters from U+0100 on, in order (Radford et al., GPT-2, 2019).
 */
final class ByteAlphabet {
  private static final int FIRST_SUBSTITUTE = 0x100;
  private static final char[] LETTERS = new char[256];
  private static final int[] BYTES = new int[FIRST_SUBSTITUTE + 256];

  static {
    Arrays.fill(BYTES, -1);
    int substitute = FIRST_SUBSTITUTE;
    for (int value = 0; value < LETTERS.length; value++) {
      LETTERS[value] = (char) (isPrintable(value) ? value : substitute++);
      BYTES[LETTERS[value]] = value;
    }
  }

  private ByteAlphabet() {}

  private static boolean isPrintable(int value) {
    return value >= '!' && value <= '~' || value >= 0xa1 && value != 0xad;
  }

  /** The letter of a byte, from 0 to 255. */
  static char letter(int value) {
    return LETTERS[value];
  }

  /** The bytes that a piece stands for; one with other letters in it stands for itself. */
  static byte[] bytes(String piece) {
    byte[] bytes = new byte[piece.length()];
    for (int i = 0; i < bytes.length; i++) {
      char letter = piece.charAt(i);
      if (letter >= BYTES.length || BYTES[letter] < 0) {
        return piece.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) BYTES[letter];
    }
    return bytes;
  }
}
