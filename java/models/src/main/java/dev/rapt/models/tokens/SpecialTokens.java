// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that stand in a text as they are written, such as {@code <|eot_id|>}: at each place
 * the longest one. Immutable, thread-safe.
 */
final class SpecialTokens {
  private record Special(String text, int token) {}

  /** What a text consists of: stretches of plain text, and special tokens. */
  interface Visitor {
    void text(String text);

    void special(int token);
  }

  /** By their first letter, the longest first. */
  private final Map<Character, List<Special>> byLetter = new HashMap<>();

  SpecialTokens(Vocabulary vocabulary) {
    vocabulary
        .byPiece(TokenType::isSpecial)
        .forEach(
            (piece, token) -> {
              if (!piece.isEmpty()) {
                byLetter
                    .computeIfAbsent(piece.charAt(0), letter -> new ArrayList<>())
                    .add(new Special(piece, token));
              }
            });
    byLetter
        .values()
        .forEach(
            specials ->
                specials.sort(
                    Comparator.comparingInt((Special special) -> special.text.length())
                        .reversed()));
  }

  void split(String text, Visitor visitor) {
    int from = 0;
    int at = 0;
    while (at < text.length()) {
      Special special = find(text, at);
      if (special == null) {
        at++;
        continue;
      }
      if (from < at) {
        visitor.text(text.substring(from, at));
      }
      visitor.special(special.token);
      at += special.text.length();
      from = at;
    }
    if (from < text.length()) {
      visitor.text(text.substring(from));
    }
  }

  private @Nullable Special find(String text, int at) {
    for (Special special : byLetter.getOrDefault(text.charAt(at), List.of())) {
      if (text.startsWith(special.text, at)) {
        return special;
      }
    }
    return null;
  }
}
