// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's byte pair encoding, as Llama 1 and 2 use it: of all neighbours that together are
 * a token, those with the highest score become one, the left ones first, until no two are. Letters
 * without a token become the tokens of their bytes. A blank is written as a low line of its own.
 *
 * <p>Kudo and Richardson, "SentencePiece" (2018). Immutable, thread-safe.
 */
final class SentencePiece implements Pieces {
  private static final char BLANK = '\u2581';
  private static final String SPACE_PREFIX = "tokenizer.ggml.add_space_prefix";
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  private final Map<String, Integer> tokens;
  private final float[] scores;
  private final int[] bytes = new int[256];
  private final boolean spacePrefix;

  /** Two neighbours that together are a token, which ends before {@code end}. */
  private record Pair(int left, int right, int end, float score) {
    static final Comparator<Pair> BEST_FIRST =
        Comparator.comparingDouble(Pair::score).reversed().thenComparingInt(Pair::left);
  }

  private SentencePiece(
      Map<String, Integer> tokens, float[] scores, Vocabulary vocabulary, boolean spacePrefix) {
    this.tokens = tokens;
    this.scores = scores;
    this.spacePrefix = spacePrefix;
    Map<String, Integer> byteTokens = vocabulary.byPiece(type -> type == TokenType.BYTE);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = byteTokens.getOrDefault("<0x" + HEX.toHexDigits((byte) i) + ">", -1);
    }
  }

  /** Reads scores and settings. */
  static SentencePiece read(GgufFile file, Vocabulary vocabulary, @Nullable Integer unknown)
      throws GgufException {
    float[] scores = vocabulary.scores(file);
    for (int i = 0; i < scores.length; i++) {
      if (Float.isNaN(scores[i])) {
        throw new GgufException("the score of token " + i + " is NaN; allowed: numbers");
      }
    }
    Boolean prefix = file.bool(SPACE_PREFIX);
    SentencePiece pieces =
        new SentencePiece(
            vocabulary.byPiece(type -> type == TokenType.NORMAL || type == TokenType.USER_DEFINED),
            scores,
            vocabulary,
            prefix == null || prefix);
    for (int i = 0; i < pieces.bytes.length; i++) {
      if (pieces.bytes[i] < 0) {
        if (unknown == null) {
          throw new GgufException(
              "the vocabulary has no token <0x"
                  + HEX.toHexDigits((byte) i)
                  + "> for a byte, and none for what is unknown; allowed: one of the two");
        }
        pieces.bytes[i] = unknown;
      }
    }
    return pieces;
  }

  @Override
  public void encode(String text, boolean first, IntStream.Builder into) {
    String escaped = (spacePrefix && first ? BLANK + text : text).replace(' ', BLANK);
    new Merging(escaped).run(into);
  }

  /** One text while its letters become tokens: a linked list of parts, by where they begin. */
  private final class Merging {
    private final String text;

    /** Where the part that begins here ends; 0 = none begins here. */
    private final int[] end;

    /** Where the part before this one begins; -1 = it is the first. */
    private final int[] before;

    private final PriorityQueue<Pair> pairs = new PriorityQueue<>(Pair.BEST_FIRST);

    Merging(String text) {
      this.text = text;
      end = new int[text.length()];
      before = new int[text.length()];
    }

    void run(IntStream.Builder into) {
      int last = -1;
      for (int at = 0; at < text.length(); at = end[at]) {
        end[at] = at + Character.charCount(text.codePointAt(at));
        before[at] = last;
        last = at;
      }
      for (int at = 0; at < text.length(); at = end[at]) {
        offer(at);
      }
      for (Pair pair = pairs.poll(); pair != null; pair = pairs.poll()) {
        merge(pair);
      }
      for (int at = 0; at < text.length(); at = end[at]) {
        emit(text.substring(at, end[at]), into);
      }
    }

    /** Adds the part that begins here and the next one, if they are a token. */
    private void offer(int left) {
      int right = end[left];
      if (right < text.length()) {
        Integer token = tokens.get(text.substring(left, end[right]));
        if (token != null) {
          pairs.add(new Pair(left, right, end[right], scores[token]));
        }
      }
    }

    private void merge(Pair pair) {
      // One of them may have become part of something longer since.
      if (end[pair.left] != pair.right || end[pair.right] != pair.end) {
        return;
      }
      end[pair.left] = pair.end;
      end[pair.right] = 0;
      if (pair.end < text.length()) {
        before[pair.end] = pair.left;
      }
      offer(pair.left);
      if (before[pair.left] >= 0) {
        offer(before[pair.left]);
      }
    }

    private void emit(String part, IntStream.Builder into) {
      Integer token = tokens.get(part);
      if (token != null) {
        into.add(token);
        return;
      }
      for (byte letter : part.getBytes(StandardCharsets.UTF_8)) {
        into.add(bytes[letter & 0xff]);
      }
    }
  }

  @Override
  public byte[] decode(String piece, TokenType type) {
    if (type == TokenType.BYTE && piece.matches("<0x[0-9A-F]{2}>")) {
      return new byte[] {(byte) HexFormat.fromHexDigits(piece, 3, 5)};
    }
    return piece.replace(BLANK, ' ').getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {}
}
