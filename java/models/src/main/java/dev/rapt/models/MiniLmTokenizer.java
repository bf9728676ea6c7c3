// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * The model's own tokenizer.json, run by the HuggingFace tokenizers library. Never touches the
 * network. Truncates as sentence-transformers does: the first tokens, then [SEP]. Not thread-safe.
 */
public final class MiniLmTokenizer implements AutoCloseable {
  private static final String UNKNOWN = "[UNK]";

  /** Characters for each token that is kept: ordinary text needs five. */
  private static final int CHARACTERS_PER_TOKEN = 16;

  private final HuggingFaceTokenizer tokenizer;
  private final int maxTokens;

  private MiniLmTokenizer(HuggingFaceTokenizer tokenizer, int maxTokens) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
  }

  /**
   * Reads a tokenizer.json to its end; the stream stays the caller's to close.
   *
   * @param maxTokens longest result, [CLS] and [SEP] included
   * @throws IOException if the stream cannot be read, or the native library cannot be unpacked or
   *     loaded
   */
  public static MiniLmTokenizer read(InputStream json, int maxTokens) throws IOException {
    // The file itself cuts and pads to 128 tokens. This class cuts instead, so that the
    // caller knows of it, and nothing needs padding.
    return new MiniLmTokenizer(HuggingFaceLibrary.read(json), maxTokens);
  }

  /**
   * Splits a text; an empty one gives [CLS] and [SEP]. Of a long one no more is read than the
   * tokens that are kept need.
   */
  public TokenizedText tokenize(String text) {
    long length = (long) CHARACTERS_PER_TOKEN * maxTokens;
    for (; length < text.length(); length *= 2) {
      int end = (int) length;
      String start =
          text.substring(0, end - (Character.isHighSurrogate(text.charAt(end - 1)) ? 1 : 0));
      Encoding encoding = tokenizer.encode(start, true, false);
      if (settled(encoding) >= maxTokens) {
        return kept(start, encoding);
      }
    }
    return kept(text, tokenizer.encode(text, true, false));
  }

  /** Tokens that no text behind them changes: all but those of the last word, and [SEP]. */
  private static int settled(Encoding encoding) {
    long[] words = encoding.getWordIds();
    int settled = words.length - 1;
    long last = settled > 0 ? words[settled - 1] : -1;
    while (settled > 0 && words[settled - 1] == last) {
      settled--;
    }
    return settled;
  }

  private TokenizedText kept(String text, Encoding encoding) {
    long[] ids = encoding.getIds();
    int length = Math.min(ids.length, maxTokens);
    int[] kept = new int[length];
    int[] words = new int[length];
    List<String> tokens = new ArrayList<>(length);
    List<String> labels = new ArrayList<>(length);
    for (int i = 0; i < length; i++) {
      // The last place is for [SEP], whatever was cut before it.
      int source = i == length - 1 ? ids.length - 1 : i;
      kept[i] = (int) ids[source];
      words[i] = (int) encoding.getWordIds()[source];
      tokens.add(encoding.getTokens()[source]);
      labels.add(label(text, encoding, source));
    }
    return new TokenizedText(
        kept, List.copyOf(tokens), List.copyOf(labels), words, ids.length > maxTokens);
  }

  private static String label(String text, Encoding encoding, int index) {
    String token = encoding.getTokens()[index];
    CharSpan span = encoding.getCharTokenSpans()[index];
    if (!token.equals(UNKNOWN) || span == null) {
      return token;
    }
    // Spans count code points, Java's strings count UTF-16 units.
    int from = text.offsetByCodePoints(0, span.getStart());
    return text.substring(from, text.offsetByCodePoints(from, span.getEnd() - span.getStart()));
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
