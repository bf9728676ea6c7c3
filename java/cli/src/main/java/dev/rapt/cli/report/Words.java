// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import dev.rapt.cli.terminal.Printable;
import dev.rapt.models.TokenizedText;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Merges tokens into words and sorts these by kind. The model is English, so are the lists. */
public final class Words {
  private static final Set<String> PRONOUNS =
      words(
          """
          he her hers herself him himself his it its itself she their theirs them themselves they
          """);

  private static final Set<String> FUNCTION_WORDS =
      words(
          """
          a about above across after again against all although am among an and any are around as
          at be because been before being below between both but by can cannot could d did do does
          doing down during each either every few for from had has have having here how i if in
          into is ll m may me might mine more most must my myself neither no nor not of off on
          once only onto or other our ours out over own re s same shall should since so some such
          t than that the then there these this those though through to too under until up upon us
          ve very was we were what when where whether which while who whom whose why will with
          within without would yet you your yours
          """);

  private Words() {}

  private static Set<String> words(String list) {
    return Set.of(list.split("\\s+"));
  }

  /**
   * The words of a text in order, [CLS] and [SEP] included; together they cover every token once.
   */
  public static List<Word> of(TokenizedText text) {
    List<Word> words = new ArrayList<>();
    int length = text.length();
    int first = 0;
    while (first < length) {
      int end = first + 1;
      while (end < length && text.words()[first] >= 0 && text.words()[end] == text.words()[first]) {
        end++;
      }
      String merged = merge(text.labels(), first, end);
      words.add(
          new Word(Printable.line(merged), first, end, kind(merged, text.words()[first] < 0)));
      first = end;
    }
    return words;
  }

  private static String merge(List<String> labels, int first, int end) {
    StringBuilder merged = new StringBuilder(labels.get(first));
    for (String piece : labels.subList(first + 1, end)) {
      merged.append(piece.startsWith("##") ? piece.substring(2) : piece);
    }
    return merged.toString();
  }

  private static Word.Kind kind(String word, boolean special) {
    if (special) {
      return Word.Kind.SPECIAL;
    }
    if (word.codePoints().noneMatch(Character::isLetterOrDigit)) {
      return Word.Kind.PUNCTUATION;
    }
    if (PRONOUNS.contains(word)) {
      return Word.Kind.PRONOUN;
    }
    return FUNCTION_WORDS.contains(word) ? Word.Kind.FUNCTION : Word.Kind.CONTENT;
  }
}
