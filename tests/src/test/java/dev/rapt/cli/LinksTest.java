// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.cli.report.Head;
import dev.rapt.cli.report.Heads;
import dev.rapt.cli.report.Link;
import dev.rapt.cli.report.Links;
import dev.rapt.cli.report.Word;
import dev.rapt.cli.report.Word.Kind;
import dev.rapt.cli.report.Words;
import dev.rapt.models.TokenizedText;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tokens to words, and the search for the strongest links, on weights made by hand. */
class LinksTest {
  private static final TokenizedText TEXT =
      new TokenizedText(
          new int[7],
          List.of("[CLS]", "kit", "##ten", "saw", "it", ".", "[SEP]"),
          List.of("[CLS]", "kit", "##ten", "saw", "it", ".", "[SEP]"),
          new int[] {-1, 0, 0, 1, 2, 3, -1},
          false);

  @Test
  void piecesBecomeWordsOfTheirKind() {
    assertEquals(
        List.of(
            new Word("[CLS]", 0, 1, Kind.SPECIAL),
            new Word("kitten", 1, 3, Kind.CONTENT),
            new Word("saw", 3, 4, Kind.CONTENT),
            new Word("it", 4, 5, Kind.PRONOUN),
            new Word(".", 5, 6, Kind.PUNCTUATION),
            new Word("[SEP]", 6, 7, Kind.SPECIAL)),
        Words.of(TEXT));
  }

  @Test
  void theTwoSpecialTokensNeverMerge() {
    TokenizedText empty =
        new TokenizedText(
            new int[2],
            List.of("[CLS]", "[SEP]"),
            List.of("[CLS]", "[SEP]"),
            new int[] {-1, -1},
            false);
    assertEquals(2, Words.of(empty).size());
  }

  @Test
  void aWordOfTwoTokensIsLookedAtWithTheirSumAndLooksWithTheirMean() {
    float[][][][] weights = new float[2][2][7][7];
    weights[1][0][4][1] = 0.25f;
    weights[1][0][4][2] = 0.5f;
    weights[0][1][1][3] = 0.5f;
    weights[0][1][2][3] = 0.25f;
    List<Link> links = new Links(Words.of(TEXT), weights).strongestToContent(all(weights));
    assertEquals("it -> kitten 0.75 (layer 1, head 0)", find(links, "it").toString());
    assertEquals("kitten -> saw 0.38 (layer 0, head 1)", find(links, "kitten").toString());
  }

  @Test
  void aPronounPointsBackAndDecidesThePicture() {
    TokenizedText text =
        new TokenizedText(
            new int[5],
            List.of("[CLS]", "cat", "it", "tired", "[SEP]"),
            List.of("[CLS]", "cat", "it", "tired", "[SEP]"),
            new int[] {-1, 0, 1, 2, -1},
            false);
    float[][][][] weights = new float[2][2][5][5];
    weights[0][0][2][3] = 0.9f;
    weights[1][1][2][1] = 0.6f;
    weights[0][1][3][1] = 0.95f;
    weights[0][0][2][0] = 1f;
    Links links = new Links(Words.of(text), weights);
    assertEquals(
        "it -> cat 0.60 (layer 1, head 1)",
        links.mostTelling(all(weights)).orElseThrow().toString());
    assertEquals(1, links.antecedents(all(weights)).size());
    assertEquals(
        "it -> tired 0.90 (layer 0, head 0)",
        find(links.strongestToContent(all(weights)), "it").toString());
    Heads second = Heads.select(weights, 0, 1);
    assertEquals(0f, links.mostTelling(second).orElseThrow().weight());
  }

  @Test
  void oneWordHasNoLinks() {
    TokenizedText text =
        new TokenizedText(
            new int[3],
            List.of("[CLS]", "cat", "[SEP]"),
            List.of("[CLS]", "cat", "[SEP]"),
            new int[] {-1, 0, -1},
            false);
    float[][][][] weights = new float[2][2][3][3];
    Links links = new Links(Words.of(text), weights);
    assertTrue(links.mostTelling(all(weights)).isEmpty());
    assertTrue(links.strongestToAny(all(weights)).isEmpty());
  }

  @Test
  void headsThatLookAtTheNeighbourAreLeftOutUnlessAskedFor() {
    float[][][][] weights = new float[2][2][7][7];
    for (int query = 1; query < 5; query++) {
      weights[0][1][query][query + 1] = 0.6f;
      weights[1][0][query + 1][query] = 0.6f;
      weights[1][1][query][query + 1] = 0.4f;
    }
    Heads heads = all(weights);
    assertEquals(List.of(new Head(0, 1), new Head(1, 0)), heads.leftOut());
    assertEquals(List.of(new Head(0, 0), new Head(1, 1)), heads.searched());
    assertEquals(List.of(new Head(1, 1)), Heads.select(weights, 1, null).searched());
    assertEquals(List.of(new Head(0, 1)), Heads.select(weights, 0, 1).searched());
  }

  private static Heads all(float[][][][] weights) {
    return Heads.select(weights, null, null);
  }

  private static Link find(List<Link> links, String from) {
    return links.stream().filter(link -> link.from().text().equals(from)).findFirst().orElseThrow();
  }
}
