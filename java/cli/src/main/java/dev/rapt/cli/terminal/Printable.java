// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.terminal;

import java.text.Bidi;

/**
 * Makes text printable. A control character could steer the terminal, a bidirectional one reorder
 * the line, and half a surrogate pair is no character; each is shown as {@code \}{@code u} and four
 * hexadecimal digits, as in JSON.
 */
public final class Printable {
  private static final int ZERO_WIDTH_NON_JOINER = 0x200c;
  private static final int ZERO_WIDTH_JOINER = 0x200d;

  private static final char FIRST_STRONG_ISOLATE = '\u2068';
  private static final char POP_DIRECTIONAL_ISOLATE = '\u2069';

  private Printable() {}

  /** The text in one line: tabs and line ends are shown too. */
  public static String line(String text) {
    StringBuilder line = new StringBuilder(text.length());
    text.codePoints().forEach(codePoint -> append(line, codePoint));
    return line.toString();
  }

  /**
   * The text in one line, isolated if it has letters of a right-to-left script: a terminal that
   * orders text by direction then leaves the words around it in their places.
   */
  public static String isolated(String text) {
    String line = line(text);
    char[] units = line.toCharArray();
    return Bidi.requiresBidi(units, 0, units.length)
        ? FIRST_STRONG_ISOLATE + line + POP_DIRECTIONAL_ISOLATE
        : line;
  }

  private static void append(StringBuilder line, int codePoint) {
    if (is(codePoint)) {
      line.appendCodePoint(codePoint);
    } else {
      line.append(shown(codePoint));
    }
  }

  /** Whether a terminal shows the character, and does nothing else with it. */
  static boolean is(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      // Joiners make Persian words and emoji what they are; others of their kind reorder or hide.
      case Character.FORMAT -> codePoint == ZERO_WIDTH_NON_JOINER || codePoint == ZERO_WIDTH_JOINER;
      default -> true;
    };
  }

  /** A code point as {@code \}{@code u} and four hexadecimal digits, or two of these. */
  public static String shown(int codePoint) {
    StringBuilder shown = new StringBuilder();
    for (char unit : Character.toChars(codePoint)) {
      shown.append("\\u");
      for (int shift = 12; shift >= 0; shift -= 4) {
        shown.append(Character.forDigit(unit >> shift & 0xf, 16));
      }
    }
    return shown.toString();
  }
}
