// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import dev.rapt.cli.terminal.Printable;
import java.lang.Character.UnicodeScript;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes labels that a picture can show: cut to a length, with {@code \}{@code u} and hexadecimal
 * digits for each character that no font has, where Java would draw an empty box. Not thread-safe.
 */
final class PictureLabels {
  /** Characters of a label; longer ones end in an ellipsis. */
  static final int MAX_LENGTH = 16;

  /** What a reader takes for one, so that no accent and no joined emoji is cut in two. */
  private static final Pattern CHARACTER = Pattern.compile("\\X");

  private final IntPredicate drawable;
  private final Set<String> missing = new LinkedHashSet<>();

  /** Asks whether a font has a code point. */
  PictureLabels(IntPredicate drawable) {
    this.drawable = drawable;
  }

  /** What to draw for a token. */
  String fit(String token) {
    StringBuilder label = new StringBuilder();
    int length = 0;
    Matcher characters = CHARACTER.matcher(token);
    while (characters.find()) {
      String unit = characters.group();
      String shown = unit.codePoints().allMatch(this::isDrawable) ? unit : escape(unit);
      int width = shown.equals(unit) ? 1 : shown.length();
      boolean last = characters.end() == token.length();
      // The first character always stands, and the ellipsis needs room unless nothing follows.
      if (length > 0 && length + width > MAX_LENGTH - (last ? 0 : 1)) {
        return label.append('…').toString();
      }
      label.append(shown);
      length += width;
    }
    return label.toString();
  }

  private boolean isDrawable(int codePoint) {
    // Joiners and variation selectors shape their neighbours and have no picture of their own.
    return Character.getType(codePoint) == Character.FORMAT
        || Character.UnicodeBlock.of(codePoint) == Character.UnicodeBlock.VARIATION_SELECTORS
        || drawable.test(codePoint);
  }

  private String escape(String unit) {
    StringBuilder escaped = new StringBuilder();
    unit.codePoints()
        .forEach(
            codePoint -> {
              if (isDrawable(codePoint)) {
                escaped.appendCodePoint(codePoint);
              } else {
                escaped.append(Printable.shown(codePoint));
                missing.add(script(codePoint));
              }
            });
    return escaped.toString();
  }

  /** The scripts that lack a font here, each with what to install. */
  Set<String> missing() {
    return missing;
  }

  private static String script(int codePoint) {
    UnicodeScript script = UnicodeScript.of(codePoint);
    return switch (script) {
      case HAN, HIRAGANA, KATAKANA, HANGUL, BOPOMOFO ->
          name(script) + "; install Noto Sans CJK (Debian: fonts-noto-cjk)";
      // Java draws no coloured glyphs, so that a font of coloured emoji would not help.
      case COMMON, INHERITED, UNKNOWN ->
          Character.isEmoji(codePoint)
              ? "emoji; install Symbola (Debian: fonts-symbola)"
              : "these symbols; install Symbola (Debian: fonts-symbola)";
      default ->
          name(script) + "; install Noto Sans " + name(script) + " (Debian: fonts-noto-core)";
    };
  }

  /** For example {@code Linear A}. */
  private static String name(UnicodeScript script) {
    StringBuilder name = new StringBuilder();
    for (String word : script.name().split("_")) {
      name.append(name.isEmpty() ? "" : " ")
          .append(word.charAt(0))
          .append(word.substring(1).toLowerCase(Locale.ROOT));
    }
    return name.toString();
  }
}
