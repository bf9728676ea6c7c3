// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts become the tokens that the formats define, and tokens become the texts again. */
class GgufTokenizerTest {
  private static final int FIRST_PIECE = 3 + 256;

  private static final String[] PIECES = {
    "\u2581a", "ab", "bc", "abc", "aa", "\u2581", "a", "b", "c", "dd", "ddd", "d", "\u00fc"
  };

  private static GgufTokenizer read(GgufWriter writer) throws IOException {
    return GgufTokenizer.read(TokenFiles.file(writer));
  }

  /** The pieces of a text, without the token that begins it. */
  private static List<String> pieces(GgufTokenizer tokenizer, String text) {
    return IntStream.of(tokenizer.encode(text))
        .skip(1)
        .mapToObj(
            token ->
                token < FIRST_PIECE
                    ? Integer.toString(token)
                    : PIECES[token - FIRST_PIECE].replace('\u2581', '_'))
        .toList();
  }

  @Test
  void sentencePieceMergesByScore() throws IOException {
    try (GgufTokenizer tokenizer = read(TokenFiles.sentencePiece(true, PIECES))) {
      // "_a" has the highest score and so goes before "ab", which is then taken apart.
      assertEquals(List.of("_a", "bc"), pieces(tokenizer, "abc"));
      assertEquals(List.of("_", "bc"), pieces(tokenizer, "bc"));
      // Equal scores: the left pair first.
      assertEquals(List.of("_", "dd", "ddd"), pieces(tokenizer, "ddddd"));
      assertEquals(List.of("_a", "_", "\u00fc"), pieces(tokenizer, "a \u00fc"));
      // No token: the letter's bytes, e2 82 ac.
      assertEquals(List.of("_", "229", "133", "175"), pieces(tokenizer, "\u20ac"));
      assertArrayEquals(new int[] {1}, tokenizer.encode(""));
    }
  }

  /** The rule, without a heap: join the best pair, the left one of equals, until none is left. */
  private static List<String> slowly(String text) {
    List<String> parts =
        new ArrayList<>(
            ("\u2581" + text.replace(' ', '\u2581'))
                .codePoints()
                .mapToObj(Character::toString)
                .toList());
    List<String> known = Arrays.asList(PIECES);
    while (true) {
      int best = -1;
      int rank = Integer.MAX_VALUE;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int index = known.indexOf(parts.get(i) + parts.get(i + 1));
        if (index >= 0 && index < rank) {
          rank = index;
          best = i;
        }
      }
      if (best < 0) {
        return parts;
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
  }

  @Test
  void sentencePieceIsTheRuleItself() throws IOException {
    Random random = new Random(3);
    try (GgufTokenizer tokenizer = read(TokenFiles.sentencePiece(true, PIECES))) {
      for (int round = 0; round < 2000; round++) {
        String text =
            random
                .ints(random.nextInt(1, 30), 0, 5)
                .mapToObj(i -> "abcd ".substring(i, i + 1))
                .reduce("", String::concat);
        List<String> expected =
            slowly(text).stream().map(part -> part.replace('\u2581', '_')).toList();
        assertEquals(expected, pieces(tokenizer, text), text);
      }
    }
  }

  @Test
  void unknownLettersNeedATokenOfTheirOwn() throws IOException {
    try (GgufTokenizer tokenizer = read(TokenFiles.sentencePiece(false, "a"))) {
      assertArrayEquals(new int[] {1, 0, 0, 0, 3}, tokenizer.encode("a"));
      assertEquals("\ufffd", text(tokenizer, 0));
    }
  }

  @Test
  void flagsOfTheFileAreHonoured() throws IOException {
    GgufWriter both =
        TokenFiles.sentencePiece(true, PIECES)
            .bool("tokenizer.ggml.add_bos_token", false)
            .bool("tokenizer.ggml.add_eos_token", true)
            .bool("tokenizer.ggml.add_space_prefix", false);
    try (GgufTokenizer tokenizer = read(both)) {
      assertArrayEquals(new int[] {FIRST_PIECE + 6, 2}, tokenizer.encode("a"));
      assertTrue(tokenizer.isEnd(2));
      assertFalse(tokenizer.isEnd(1));
    }
  }

  @Test
  void specialTokensStandInTheText() throws IOException {
    GgufWriter writer =
        TokenFiles.sentencePiece(true, "\u2581", "a", "<|x|>", "<|x|>y", "<|eot_id|>");
    try (GgufTokenizer tokenizer = read(writer)) {
      int x = FIRST_PIECE + 2;
      assertArrayEquals(
          new int[] {
            1, FIRST_PIECE, FIRST_PIECE + 1, x, FIRST_PIECE, FIRST_PIECE + 1, x + 1, x + 2
          },
          tokenizer.encode("a<|x|>a<|x|>y<|eot_id|>"));
      assertTrue(tokenizer.isEnd(x + 2));
      assertEquals(0, tokenizer.bytes(x).length);
    }
  }

  @Test
  void bytePairsMergeInOrder() throws IOException {
    String[] merges = {"h e", "l l", "he ll", "hell o", "\u0120 w", "o r", "1 2", "12 3"};
    try (GgufTokenizer tokenizer = read(TokenFiles.bytePairs("llama-bpe", merges))) {
      int begin = 256 + merges.length;
      assertArrayEquals(
          new int[] {begin, 259, 260, 261, 'l', 'd'}, tokenizer.encode("hello world"));
      // Llama 3 cuts digits by three, from the left.
      assertArrayEquals(new int[] {begin, 263, 262}, tokenizer.encode("12312"));
      assertArrayEquals(new int[] {begin, begin + 1, 256}, tokenizer.encode("<|eot_id|>he"));
      assertTrue(tokenizer.isEnd(begin + 1));
      assertArrayEquals(new int[] {begin}, tokenizer.encode(""));
    }
    // GPT-2 takes digits as one word, and begins without a token.
    try (GgufTokenizer tokenizer = read(TokenFiles.bytePairs("gpt-2", merges))) {
      assertArrayEquals(new int[] {263, 262}, tokenizer.encode("12312"));
    }
    try (GgufTokenizer tokenizer = read(TokenFiles.bytePairs("smollm", merges))) {
      assertEquals(3, tokenizer.encode("123").length);
    }
  }

  /** A word that is a token is taken whole by Llama 3, whatever the merges would make of it. */
  @Test
  void wholeWordsGoBeforeMerges() throws IOException {
    String[] merges = {"b c", "a b", "ab c"};
    try (GgufTokenizer tokenizer = read(TokenFiles.bytePairs("llama-bpe", merges))) {
      assertArrayEquals(new int[] {259, 258}, tokenizer.encode("abc"));
    }
    try (GgufTokenizer tokenizer = read(TokenFiles.bytePairs("gpt-2", merges))) {
      assertArrayEquals(new int[] {'a', 256}, tokenizer.encode("abc"));
    }
  }

  private static String text(GgufTokenizer tokenizer, int... tokens) {
    TextStream stream = new TextStream();
    StringBuilder text = new StringBuilder();
    for (int token : tokens) {
      text.append(stream.append(tokenizer.bytes(token)));
    }
    return text + stream.finish();
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-bpe", "qwen2", "smollm", "gpt-2", "default"})
  void bytePairsComeBack(String pretokenizer) throws IOException {
    Random random = new Random(1);
    String[] merges = {"a b", "\u0120 a", "ab c", "\u00e4 \u00b8", "\u00f0 \u0141"};
    try (GgufTokenizer tokenizer = read(TokenFiles.bytePairs(pretokenizer, merges))) {
      for (int round = 0; round < 500; round++) {
        String text = TokenFiles.text(random, random.nextInt(60));
        assertEquals(text, text(tokenizer, tokenizer.encode(text)));
      }
    }
  }

  @Test
  void sentencePiecesComeBack() throws IOException {
    Random random = new Random(2);
    try (GgufTokenizer tokenizer = read(TokenFiles.sentencePiece(true, PIECES))) {
      for (int round = 0; round < 500; round++) {
        String text = TokenFiles.text(random, random.nextInt(1, 60));
        assertEquals(" " + text, text(tokenizer, tokenizer.encode(text)));
      }
    }
  }

  @Test
  void whatIsMissingOrNotSupportedIsNamed() {
    says("no tokenizer.ggml.model", new GgufWriter());
    says(
        "tokenizer.ggml.model is 'bert', which is not supported; allowed: llama (SentencePiece),"
            + " gpt2 (byte pairs)",
        new GgufWriter().string("tokenizer.ggml.model", "bert"));
    says("no tokenizer.ggml.tokens", new GgufWriter().string("tokenizer.ggml.model", "llama"));
    says(
        "no tokenizer.ggml.scores",
        new GgufWriter()
            .string("tokenizer.ggml.model", "llama")
            .strings("tokenizer.ggml.tokens", List.of("a")));
    says(
        "tokenizer.ggml.scores has 2 elements; allowed: 1, one for each token",
        new GgufWriter()
            .string("tokenizer.ggml.model", "llama")
            .strings("tokenizer.ggml.tokens", List.of("a"))
            .floats("tokenizer.ggml.scores", 1, 2));
    says(
        "tokenizer.ggml.bos_token_id is 9999; allowed: 0 to 259",
        TokenFiles.sentencePiece(true, "a").uint32("tokenizer.ggml.bos_token_id", 9999));
    says(
        "tokenizer.ggml.pre is 'tekken', which is not supported; allowed: default, gpt-2, ",
        TokenFiles.bytePairs("tekken", "a b"));
    says(
        "tokenizer.ggml.merges[1] is 'ab'; allowed: two tokens",
        TokenFiles.bytePairs("gpt-2", "a b", "ab"));
    says(
        "the vocabulary has no token",
        new GgufWriter()
            .string("tokenizer.ggml.model", "gpt2")
            .strings("tokenizer.ggml.tokens", List.of("a"))
            .strings("tokenizer.ggml.merges", List.of()));
    says(
        "add_eos_token is true, but the file has no tokenizer.ggml.eos_token_id",
        TokenFiles.bytePairs("gpt-2", "a b").bool("tokenizer.ggml.add_eos_token", true));
    says(
        "the type of token 0 is 9; allowed: 1 (normal) to 6 (byte)",
        new GgufWriter()
            .string("tokenizer.ggml.model", "llama")
            .strings("tokenizer.ggml.tokens", List.of("a"))
            .ints("tokenizer.ggml.token_type", 9));
  }

  private static void says(String expected, GgufWriter writer) {
    String message = assertThrows(GgufException.class, () -> read(writer).close()).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
