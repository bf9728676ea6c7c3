// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MiniLmTokenizerTest {
  @Test
  void cutsAsTheLibraryItselfDoes() throws Exception {
    Map<String, String> options =
        Map.of("padding", "false", "truncation", "true", "maxLength", "256");
    try (MiniLmTokenizer ours = MiniLmEncoder.loadTokenizer();
        InputStream json =
            MiniLmTokenizerTest.class.getResourceAsStream("/all-minilm-l6-v2-tokenizer.json");
        HuggingFaceTokenizer theirs = HuggingFaceTokenizer.newInstance(json, options)) {
      for (String text : Sentences.varied()) {
        Encoding expected = theirs.encode(text, true, false);
        TokenizedText actual = ours.tokenize(text);
        int[] ids = Arrays.stream(expected.getIds()).mapToInt(Math::toIntExact).toArray();
        assertArrayEquals(ids, actual.ids(), text);
        assertEquals(List.of(expected.getTokens()), actual.tokens(), text);
      }
    }
  }

  /** A long text is read to where its last kept token ends; the tokens are as of the whole. */
  @Test
  void readsNoMoreOfALongTextThanItKeeps() throws Exception {
    Map<String, String> options =
        Map.of("padding", "false", "truncation", "true", "maxLength", "256");
    try (MiniLmTokenizer ours = MiniLmEncoder.loadTokenizer();
        InputStream json =
            MiniLmTokenizerTest.class.getResourceAsStream("/all-minilm-l6-v2-tokenizer.json");
        HuggingFaceTokenizer theirs = HuggingFaceTokenizer.newInstance(json, options)) {
      for (String part :
          List.of(
              "unbelievable ",
              "東",
              "😀 ",
              "😀",
              "a",
              "e\u0301te\u0301, ",
              " ",
              "x".repeat(4090) + "😀 ")) {
        String text = part.repeat(40_000 / part.length());
        Encoding expected = theirs.encode(text, true, false);
        int[] ids = Arrays.stream(expected.getIds()).mapToInt(Math::toIntExact).toArray();
        TokenizedText actual = ours.tokenize(text);
        assertArrayEquals(ids, actual.ids(), part);
        assertEquals(ids.length == 256, actual.truncated(), part);
      }
      String longer = "Some words of a line without an end. ".repeat(30_000);
      ours.tokenize(longer);
      long start = System.nanoTime();
      theirs.encode(longer, true, false);
      long whole = System.nanoTime() - start;
      long kept = Long.MAX_VALUE;
      for (int i = 0; i < 5; i++) { // one of them is not interrupted by others
        start = System.nanoTime();
        ours.tokenize(longer);
        kept = Math.min(kept, System.nanoTime() - start);
      }
      assertTrue(kept < whole / 10, kept + " ns, and the whole takes " + whole + " ns");
    }
  }

  @Test
  void knowsWhetherItCut() {
    try (MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer()) {
      assertFalse(tokenizer.tokenize("word ".repeat(254)).truncated());
      TokenizedText cut = tokenizer.tokenize("word ".repeat(255));
      assertTrue(cut.truncated());
      assertEquals(256, cut.length());
      assertEquals("[SEP]", cut.tokens().getLast());
      assertEquals(-1, cut.words()[255]);
    }
  }

  @Test
  void labelsUnknownTokensWithTheirText() {
    try (MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer()) {
      TokenizedText text = tokenizer.tokenize("😀 then 🚀");
      assertEquals(List.of("[CLS]", "[UNK]", "then", "[UNK]", "[SEP]"), text.tokens());
      assertEquals(List.of("[CLS]", "😀", "then", "🚀", "[SEP]"), text.labels());
    }
  }
}
