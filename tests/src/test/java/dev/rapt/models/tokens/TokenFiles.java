// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.gguf.GgufWriter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Small vocabularies of both kinds, as GGUF files have them. */
final class TokenFiles {
  private TokenFiles() {}

  static GgufFile file(GgufWriter writer) throws GgufException {
    return GgufFile.of(MemorySegment.ofArray(writer.bytes()));
  }

  /** Tokens of SentencePiece: three special ones, all bytes, and pieces of falling scores. */
  static GgufWriter sentencePiece(boolean bytes, String... pieces) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    List<Integer> types = new ArrayList<>(List.of(2, 3, 3));
    for (int i = 0; bytes && i < 256; i++) {
      tokens.add(String.format(Locale.ROOT, "<0x%02X>", i));
      types.add(6);
    }
    float[] scores = new float[tokens.size() + pieces.length];
    for (int i = 0; i < pieces.length; i++) {
      scores[tokens.size()] = -i;
      tokens.add(pieces[i]);
      types.add(pieces[i].startsWith("<|") ? 3 : 1);
    }
    return new GgufWriter()
        .string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", tokens)
        .ints("tokenizer.ggml.token_type", types.stream().mapToInt(i -> i).toArray())
        .floats("tokenizer.ggml.scores", scores);
  }

  /** The bytes, then what each merge makes, then two special tokens. */
  static List<String> bytePairTokens(String... merges) {
    List<String> tokens = new ArrayList<>();
    for (int i = 0; i < 256; i++) {
      tokens.add(String.valueOf(ByteAlphabet.letter(i)));
    }
    Arrays.stream(merges).map(merge -> merge.replace(" ", "")).forEach(tokens::add);
    tokens.add("<|begin|>");
    tokens.add("<|eot_id|>");
    return tokens;
  }

  static GgufWriter bytePairs(String pretokenizer, String... merges) {
    List<String> tokens = bytePairTokens(merges);
    int[] types = new int[tokens.size()];
    Arrays.fill(types, 1);
    types[tokens.size() - 2] = 3;
    types[tokens.size() - 1] = 3;
    return new GgufWriter()
        .string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", pretokenizer)
        .strings("tokenizer.ggml.tokens", tokens)
        .strings("tokenizer.ggml.merges", List.of(merges))
        .ints("tokenizer.ggml.token_type", types)
        .uint32("tokenizer.ggml.bos_token_id", tokens.size() - 2);
  }

  /** Strings with blanks, digits, letters of two to four bytes, and line ends. */
  static String text(Random random, int letters) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < letters; i++) {
      switch (random.nextInt(8)) {
        case 0 -> text.append(' ');
        case 1 -> text.append((char) ('0' + random.nextInt(10)));
        case 2 -> text.append("'s\n\r\t!?.".charAt(random.nextInt(8)));
        case 3 -> text.appendCodePoint(random.nextInt(0xa1, 0x800));
        case 4 -> text.appendCodePoint(random.nextInt(0x4e00, 0x9fff));
        case 5 -> text.appendCodePoint(random.nextInt(0x1f300, 0x1f6ff));
        default -> text.append((char) ('a' + random.nextInt(4)));
      }
    }
    return text.toString();
  }
}
