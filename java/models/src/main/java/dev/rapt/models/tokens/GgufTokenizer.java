// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer that a GGUF file brings along: SentencePiece ({@code tokenizer.ggml.model} is
 * {@code llama}) or byte-level byte pairs ({@code gpt2}). Needs the file only to be read.
 * Thread-safe.
 *
 * {@snippet :
 * try (GgufTokenizer tokenizer = GgufTokenizer.read(file)) {
 *   int[] tokens = tokenizer.encode("Once upon a time");
 * }
 * }
 */
public final class GgufTokenizer implements AutoCloseable {
  private static final String MODEL = "tokenizer.ggml.model";
  private static final String BEGIN = "tokenizer.ggml.bos_token_id";
  private static final String END = "tokenizer.ggml.eos_token_id";
  private static final List<String> OTHER_ENDS =
      List.of("tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id");

  /** Ends of a turn in chats; files often have the token and no key that says so. */
  private static final List<String> ENDS_BY_NAME =
      List.of("<|eot_id|>", "<|eom_id|>", "<|im_end|>");

  private static final byte[] NOTHING = {};
  private static final byte[] REPLACEMENT = "\ufffd".getBytes(StandardCharsets.UTF_8);

  private final Vocabulary vocabulary;
  private final Pieces pieces;
  private final SpecialTokens specials;
  private final @Nullable Integer first;
  private final @Nullable Integer last;
  private final Set<Integer> ends;

  private GgufTokenizer(
      Vocabulary vocabulary,
      Pieces pieces,
      @Nullable Integer first,
      @Nullable Integer last,
      Set<Integer> ends) {
    this.vocabulary = vocabulary;
    this.pieces = pieces;
    specials = new SpecialTokens(vocabulary);
    this.first = first;
    this.last = last;
    this.ends = ends;
  }

  /**
   * Reads the tokenizer of a file; the caller closes it.
   *
   * @throws GgufException naming what the file lacks, or has and is not supported
   * @throws IOException where the native library of the tokenizers cannot be loaded
   */
  public static GgufTokenizer read(GgufFile file) throws IOException {
    String model = file.string(MODEL);
    return switch (model) {
      case "llama" -> sentencePiece(file);
      case "gpt2" -> bytePairs(file);
      case null ->
          throw new GgufException("the file has no " + MODEL + ", so that there is no tokenizer");
      default ->
          throw new GgufException(
              MODEL
                  + " is "
                  + GgufException.quoted(model)
                  + ", which is not supported; allowed: llama (SentencePiece), gpt2 (byte pairs)");
    };
  }

  private static GgufTokenizer sentencePiece(GgufFile file) throws GgufException {
    Vocabulary vocabulary = Vocabulary.read(file);
    // The places that the format gives these three where a file does not name them.
    Integer unknown = vocabulary.token(file, "tokenizer.ggml.unknown_token_id", 0);
    Integer begin = vocabulary.token(file, BEGIN, 1);
    Integer end = vocabulary.token(file, END, 2);
    Pieces pieces = SentencePiece.read(file, vocabulary, unknown);
    return of(file, vocabulary, pieces, begin, end, true);
  }

  private static GgufTokenizer bytePairs(GgufFile file) throws IOException {
    Vocabulary vocabulary = Vocabulary.read(file);
    Integer begin = vocabulary.token(file, BEGIN, null);
    Integer end = vocabulary.token(file, END, null);
    String name = file.string(Pretokenizer.KEY);
    Pretokenizer pretokenizer = Pretokenizer.of(name == null ? "default" : name);
    Pieces pieces = BytePairs.read(file, vocabulary, pretokenizer);
    return of(file, vocabulary, pieces, begin, end, pretokenizer.beginsByDefault());
  }

  private static GgufTokenizer of(
      GgufFile file,
      Vocabulary vocabulary,
      Pieces pieces,
      @Nullable Integer begin,
      @Nullable Integer end,
      boolean beginsByDefault)
      throws GgufException {
    try {
      Integer first = added(file, "tokenizer.ggml.add_bos_token", beginsByDefault, BEGIN, begin);
      Integer last = added(file, "tokenizer.ggml.add_eos_token", false, END, end);
      Set<Integer> ends = new HashSet<>();
      if (end != null) {
        ends.add(end);
      }
      for (String key : OTHER_ENDS) {
        Integer other = vocabulary.token(file, key, null);
        if (other != null) {
          ends.add(other);
        }
      }
      vocabulary
          .byPiece(TokenType::isSpecial)
          .forEach(
              (piece, token) -> {
                if (ENDS_BY_NAME.contains(piece)) {
                  ends.add(token);
                }
              });
      return new GgufTokenizer(vocabulary, pieces, first, last, Set.copyOf(ends));
    } catch (GgufException | RuntimeException e) {
      pieces.close();
      throw e;
    }
  }

  /** The token that the file says to add to every text; null = none. */
  private static @Nullable Integer added(
      GgufFile file, String key, boolean byDefault, String tokenKey, @Nullable Integer token)
      throws GgufException {
    Boolean given = file.bool(key);
    if (Boolean.TRUE.equals(given) && token == null) {
      throw new GgufException(key + " is true, but the file has no " + tokenKey);
    }
    return given == null ? byDefault ? token : null : given ? token : null;
  }

  /**
   * The tokens of a text, in a new array: with the beginning-of-text and end-of-text token around
   * them where the file says so, and with special tokens such as {@code <|eot_id|>} where they are
   * written out.
   */
  public int[] encode(String text) {
    IntStream.Builder tokens = IntStream.builder();
    if (first != null) {
      tokens.add(first);
    }
    specials.split(
        text,
        new SpecialTokens.Visitor() {
          private boolean atStart = true;

          @Override
          public void text(String plain) {
            pieces.encode(plain, atStart, tokens);
            atStart = false;
          }

          @Override
          public void special(int token) {
            tokens.add(token);
            atStart = true;
          }
        });
    if (last != null) {
      tokens.add(last);
    }
    return tokens.build().toArray();
  }

  /**
   * The bytes of UTF-8 that a token stands for, which may be part of a letter only; none for tokens
   * that steer the model. {@link TextStream} makes text of them.
   *
   * @throws IndexOutOfBoundsException where there is no such token
   */
  public byte[] bytes(int token) {
    TokenType type = vocabulary.types()[token];
    String piece = vocabulary.pieces().get(token);
    return switch (type) {
      case CONTROL -> NOTHING;
      case UNKNOWN -> REPLACEMENT;
      case USER_DEFINED -> piece.getBytes(StandardCharsets.UTF_8);
      case NORMAL, UNUSED, BYTE -> pieces.decode(piece, type);
    };
  }

  /** Whether a model ends its text by this token. */
  public boolean isEnd(int token) {
    return ends.contains(token);
  }

  /** The number of tokens; they are counted from 0. */
  public int size() {
    return vocabulary.size();
  }

  @Override
  public void close() {
    pieces.close();
  }
}
