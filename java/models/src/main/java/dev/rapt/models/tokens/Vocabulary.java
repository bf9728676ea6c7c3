// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import dev.rapt.models.gguf.GgufArray;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a model, by number.
 *
 * @param pieces what a token stands for, in its tokenizer's own writing
 * @param types of each
 */
record Vocabulary(List<String> pieces, TokenType[] types) {
  private static final String TOKENS = "tokenizer.ggml.tokens";
  private static final String TYPES = "tokenizer.ggml.token_type";
  private static final String SCORES = "tokenizer.ggml.scores";

  static Vocabulary read(GgufFile file) throws GgufException {
    GgufArray tokens = file.array(TOKENS);
    if (tokens == null || tokens.size() == 0) {
      throw new GgufException("the file has no " + TOKENS + ", so that there is no vocabulary");
    }
    TokenType[] types = new TokenType[tokens.size()];
    Arrays.fill(types, TokenType.NORMAL);
    GgufArray numbers = file.array(TYPES);
    if (numbers != null) {
      checkSize(TYPES, numbers, tokens.size());
      int[] given = numbers.integers();
      for (int i = 0; i < types.length; i++) {
        types[i] = TokenType.of(given[i], i);
      }
    }
    return new Vocabulary(List.copyOf(tokens.strings()), types);
  }

  /** Of each token, for a tokenizer that has them. */
  float[] scores(GgufFile file) throws GgufException {
    GgufArray scores = file.array(SCORES);
    if (scores == null) {
      throw new GgufException("the file has no " + SCORES + ", which its tokenizer needs");
    }
    checkSize(SCORES, scores, pieces.size());
    return scores.floats();
  }

  private static void checkSize(String key, GgufArray array, int tokens) throws GgufException {
    if (array.size() != tokens) {
      throw new GgufException(
          key + " has " + array.size() + " elements; allowed: " + tokens + ", one for each token");
    }
  }

  int size() {
    return pieces.size();
  }

  /** The token that a key of the file names, or the default; null = there is none. */
  @Nullable Integer token(GgufFile file, String key, @Nullable Integer byDefault)
      throws GgufException {
    Long named = file.integer(key);
    if (named == null) {
      return byDefault != null && byDefault < size() ? byDefault : null;
    }
    if (named < 0 || named >= size()) {
      throw new GgufException(
          key + " is " + named + "; allowed: 0 to " + (size() - 1) + ", the file's tokens");
    }
    return (int) (long) named;
  }

  /** The tokens of some types by their pieces; of two with the same piece, the first. */
  Map<String, Integer> byPiece(Predicate<TokenType> wanted) {
    Map<String, Integer> tokens = new HashMap<>();
    for (int i = 0; i < size(); i++) {
      if (wanted.test(types[i])) {
        tokens.putIfAbsent(pieces.get(i), i);
      }
    }
    return tokens;
  }
}
