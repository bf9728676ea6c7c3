// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.embed;

import dev.rapt.cli.files.TextLines;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.MiniLmTokenizer;
import dev.rapt.models.TokenBatch;
import dev.rapt.models.TokenizedText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Embeds lines in batches of similar length, which attention takes in few calls, and hands the
 * results on in the order of the lines. Memory does not grow with the file. Not thread-safe.
 */
public final class LineEmbedder {
  /** Lines sorted together. */
  private static final int WINDOW = 1024;

  /** Characters kept until their results are written; a window of very long lines ends early. */
  private static final int MAX_WINDOW_CHARACTERS = 1 << 23;

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

  private static final class Line {
    final long number;
    final String text;
    final TokenizedText tokens;
    float[] embedding = {};

    Line(long number, String text, TokenizedText tokens) {
      this.number = number;
      this.text = text;
      this.tokens = tokens;
    }
  }

  /** Embeds everything up to the end of the text. */
  public void embed(TextLines lines) throws IOException {
    long start = System.nanoTime();
    List<Line> window = new ArrayList<>();
    long characters = 0;
    for (TextLines.Line line = lines.next(); line != null; line = lines.next()) {
      if (line.isBlank()) {
        blank++;
        continue;
      }
      String text = line.text();
      window.add(new Line(line.number(), text, tokenizer.tokenize(text)));
      characters += text.length();
      if (window.size() == WINDOW || characters >= MAX_WINDOW_CHARACTERS) {
        finish(window);
        window.clear();
        characters = 0;
      }
    }
    finish(window);
    nanos += System.nanoTime() - start;
  }

  /** What was done so far. */
  public Totals totals() {
    return new Totals(sentences, tokens, truncated, blank, nanos);
  }

  private void finish(List<Line> window) throws IOException {
    // Longest first: the buffers are then sized once, by the first batch.
    List<Line> sorted = new ArrayList<>(window);
    sorted.sort(Comparator.comparingInt((Line line) -> line.tokens.length()).reversed());
    int from = 0;
    while (from < sorted.size()) {
      int to = from + 1;
      int batchTokens = sorted.get(from).tokens.length();
      while (to < sorted.size()
          && batchTokens + sorted.get(to).tokens.length() <= encoder.batchTokens()) {
        batchTokens += sorted.get(to++).tokens.length();
      }
      embedBatch(sorted.subList(from, to));
      from = to;
    }
    for (Line line : window) {
      writer.write(line.number, line.text, line.embedding);
    }
    writer.flush();
  }

  private void embedBatch(List<Line> batch) {
    float[][] embeddings =
        encoder.embed(TokenBatch.of(batch.stream().map(line -> line.tokens).toList()));
    for (int i = 0; i < embeddings.length; i++) {
      Line line = batch.get(i);
      line.embedding = embeddings[i];
      tokens += line.tokens.length();
      truncated += line.tokens.truncated() ? 1 : 0;
    }
    sentences += embeddings.length;
    progress.advance(embeddings.length);
  }
}
