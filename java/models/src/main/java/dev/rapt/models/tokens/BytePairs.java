// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.rapt.models.HuggingFaceLibrary;
import dev.rapt.models.gguf.GgufArray;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Byte-level byte pair encoding, as GPT-2 and Llama 3 use it, run by the HuggingFace tokenizers
 * library: words are cut by patterns, and neighbours in a word become one in the order of the
 * file's merges. Thread-safe.
 *
 * <p>Sennrich, Haddow and Birch (2016); Radford et al. (2019).
 */
final class BytePairs implements Pieces {
  private static final String MERGES = "tokenizer.ggml.merges";

  private final HuggingFaceTokenizer tokenizer;

  private BytePairs(HuggingFaceTokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  static BytePairs read(GgufFile file, Vocabulary vocabulary, Pretokenizer pretokenizer)
      throws IOException {
    GgufArray array = file.array(MERGES);
    if (array == null) {
      throw new GgufException("the file has no " + MERGES + ", which its tokenizer needs");
    }
    List<String> merges = array.strings();
    Map<String, Integer> tokens = vocabulary.byPiece(type -> !type.isSpecial());
    checkBytes(tokens);
    checkMerges(merges, tokens);
    byte[] json = TokenizerJson.of(tokens, merges, pretokenizer);
    return new BytePairs(HuggingFaceLibrary.read(new ByteArrayInputStream(json)));
  }

  /** What has no token would be lost from a text without a word. */
  private static void checkBytes(Map<String, Integer> tokens) throws GgufException {
    for (int value = 0; value < 256; value++) {
      String letter = String.valueOf(ByteAlphabet.letter(value));
      if (!tokens.containsKey(letter)) {
        throw new GgufException(
            "the vocabulary has no token "
                + GgufException.quoted(letter)
                + " for the byte "
                + value
                + "; allowed: vocabularies with all 256");
      }
    }
  }

  private static void checkMerges(List<String> merges, Map<String, Integer> tokens)
      throws GgufException {
    for (int i = 0; i < merges.size(); i++) {
      String merge = merges.get(i);
      int blank = merge.indexOf(' ');
      boolean known =
          blank > 0
              && blank == merge.lastIndexOf(' ')
              && tokens.containsKey(merge.substring(0, blank))
              && tokens.containsKey(merge.substring(blank + 1))
              && tokens.containsKey(merge.substring(0, blank) + merge.substring(blank + 1));
      if (!known) {
        throw new GgufException(
            MERGES
                + "["
                + i
                + "] is "
                + GgufException.quoted(merge)
                + "; allowed: two tokens with a blank between them that together are one");
      }
    }
  }

  @Override
  public void encode(String text, boolean first, IntStream.Builder tokens) {
    for (long id : tokenizer.encode(text, false, false).getIds()) {
      tokens.add((int) id);
    }
  }

  @Override
  public byte[] decode(String piece, TokenType type) {
    return ByteAlphabet.bytes(piece);
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
