// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import dev.rapt.cli.report.Word.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/**
 * Finds the strongest links between words. A word of several tokens looks with the mean of its
 * tokens and is looked at with their sum, so that the weights of a word still sum to 1 over all
 * words.
 */
public final class Links {
  private final List<Word> words;
  private final float[][][][] weights;

  /** Looks at the weights [layer][head][query][key] of the given words. */
  public Links(List<Word> words, float[][][][] weights) {
    this.words = words;
    this.weights = weights;
  }

  /** For each readable word that has one: its strongest link to another content word. */
  public List<Link> strongestToContent(Heads heads) {
    return strongestPerWord(heads, Word::isReadable, (from, to) -> isContent(to));
  }

  /** For each readable word that has one: its strongest link to another readable word. */
  public List<Link> strongestToAny(Heads heads) {
    return strongestPerWord(heads, Word::isReadable, (from, to) -> to.isReadable());
  }

  /**
   * For each pronoun that has one: its strongest link to a content word before it, where its
   * antecedent is.
   */
  public List<Link> antecedents(Heads heads) {
    return strongestPerWord(
        heads,
        word -> word.kind() == Kind.PRONOUN,
        (from, to) -> isContent(to) && to.first() < from.first());
  }

  /**
   * The link most worth a picture: the strongest one of a pronoun to its likely antecedent; in a
   * text without such a pair the strongest one between content words, or else between any two
   * words. Empty if there is one word only.
   */
  public Optional<Link> mostTelling(Heads heads) {
    return strongest(antecedents(heads))
        .or(() -> strongest(strongestPerWord(heads, Links::isContent, (from, to) -> isContent(to))))
        .or(() -> strongest(strongestToAny(heads)));
  }

  private static boolean isContent(Word word) {
    return word.kind() == Kind.CONTENT;
  }

  private static Optional<Link> strongest(List<Link> links) {
    return links.stream().max(Comparator.comparingDouble(Link::weight));
  }

  private List<Link> strongestPerWord(
      Heads heads, Predicate<Word> source, BiPredicate<Word, Word> target) {
    List<Link> links = new ArrayList<>();
    for (Word from : words) {
      if (source.test(from)) {
        strongest(from, heads, target).ifPresent(links::add);
      }
    }
    return links;
  }

  private Optional<Link> strongest(Word from, Heads heads, BiPredicate<Word, Word> target) {
    Link best = null;
    for (Head head : heads.searched()) {
      for (Word to : words) {
        if (to.first() == from.first() || !target.test(from, to)) {
          continue;
        }
        float weight = weight(weights[head.layer()][head.index()], from, to);
        if (best == null || weight > best.weight()) {
          best = new Link(from, to, weight, head);
        }
      }
    }
    return Optional.ofNullable(best);
  }

  /** How much a word attends to another in one head's weights [query][key]. */
  static float weight(float[][] head, Word from, Word to) {
    double sum = 0;
    for (int query = from.first(); query < from.end(); query++) {
      for (int key = to.first(); key < to.end(); key++) {
        sum += head[query][key];
      }
    }
    return (float) (sum / (from.end() - from.first()));
  }
}
