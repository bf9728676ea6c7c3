// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.embed;

import dev.rapt.cli.files.TextLines;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.MiniLmTokenizer;
import dev.rapt.models.TokenBatch;
import dev.rapt.models.TokenizedText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Embeds lines in batches of so many tokens, in the order of the file. Memory does not grow with
 * the file. Not thread-safe.
 */
public final class LineEmbedder {
  /** Characters kept until their results are written: few tokens may be many blanks. */
  private static final int MAX_BATCH_CHARACTERS = 1 << 23;

  /**
   * What was done.
   *
   * @param sentences lines embedded
   * @param tokens their tokens
   * @param truncated lines that were cut
   * @param blank lines that were skipped
   * @param nanos time for tokenizing, encoding and writing
   */
  public record Totals(long sentences, long tokens, long truncated, long blank, long nanos) {}

  private final MiniLmEncoder encoder;
  private final MiniLmTokenizer tokenizer;
  private final EmbeddingWriter writer;
  private final Progress progress;

  private long sentences;
  private long tokens;
  private long truncated;
  private long blank;
  private long nanos;

  /** Borrows everything; the caller closes it. */
  public LineEmbedder(
      MiniLmEncoder encoder, MiniLmTokenizer tokenizer, EmbeddingWriter writer, Progress progress) {
    this.encoder = encoder;
    this.tokenizer = tokenizer;
    this.writer = writer;
    this.progress = progress;
  }

  private record Line(long number, String text, TokenizedText tokens) {}

  /** Embeds everything up to the end of the text. */
  public void embed(TextLines lines) throws IOException {
    long start = System.nanoTime();
    List<Line> batch = new ArrayList<>();
    int batchTokens = 0;
    long characters = 0;
    for (TextLines.Line line = lines.next(); line != null; line = lines.next()) {
      if (line.isBlank()) {
        blank++;
        continue;
      }
      Line next = new Line(line.number(), line.text(), tokenizer.tokenize(line.text()));
      int length = next.tokens.length();
      boolean full =
          batchTokens + length > encoder.batchTokens() || characters >= MAX_BATCH_CHARACTERS;
      if (full && !batch.isEmpty()) {
        finish(batch);
        batch.clear();
        batchTokens = 0;
        characters = 0;
      }
      batch.add(next);
      batchTokens += length;
      characters += next.text.length();
    }
    if (!batch.isEmpty()) {
      finish(batch);
    }
    nanos += System.nanoTime() - start;
  }

  /** What was done so far. */
  public Totals totals() {
    return new Totals(sentences, tokens, truncated, blank, nanos);
  }

  private void finish(List<Line> batch) throws IOException {
    float[][] embeddings = encoder.embed(TokenBatch.of(batch.stream().map(Line::tokens).toList()));
    for (int i = 0; i < embeddings.length; i++) {
      Line line = batch.get(i);
      writer.write(line.number, line.text, embeddings[i]);
      tokens += line.tokens.length();
      truncated += line.tokens.truncated() ? 1 : 0;
    }
    sentences += embeddings.length;
    writer.flush();
    progress.advance(embeddings.length);
  }
}
