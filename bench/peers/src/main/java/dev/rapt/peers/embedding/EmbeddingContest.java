// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import ai.onnxruntime.OrtException;
import com.sun.management.OperatingSystemMXBean;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.MiniLmTokenizer;
import dev.rapt.models.TokenizedText;
import dev.rapt.peers.contest.Restraint;
import dev.rapt.peers.contest.Turn;
import dev.rapt.peers.report.Spread;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Rapt's encoder and ONNX Runtime embed the same sentences, tokenized before, in turns in one
 * process. Vectors are compared before anything is timed.
 */
public final class EmbeddingContest {
  /** Of an element of a vector of length 1: f32 through six layers, summed in another order. */
  static final double ALLOWED = 2e-5;

  private static final int WARM_UPS = 3;
  private static final int LEAST_ROUNDS = 5;

  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private final List<TokenizedText> sentences;

  private EmbeddingContest(List<TokenizedText> sentences) {
    this.sentences = sentences;
  }

  /**
   * The lines of a file that have text in them, tokenized.
   *
   * @throws IOException where it cannot be read or has none
   */
  public static EmbeddingContest of(Path file) throws IOException {
    try (MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer()) {
      List<TokenizedText> sentences =
          Files.readAllLines(file).stream()
              .filter(line -> !line.isBlank())
              .map(tokenizer::tokenize)
              .toList();
      if (sentences.isEmpty()) {
        throw new IOException(file + " has no line with text in it");
      }
      return new EmbeddingContest(sentences);
    }
  }

  /** CPU time and time by the clock of each round. */
  private record Times(List<Double> cpu, List<Double> clock) {
    Times() {
      this(new ArrayList<>(), new ArrayList<>());
    }
  }

  /**
   * Runs it.
   *
   * @param threads of Rapt, and of ONNX Runtime
   * @param seconds that the rounds may take, about
   * @param restraint what Rapt is held to
   * @throws IOException where ONNX Runtime's vectors are others than Rapt's
   */
  public EmbeddingResult run(int threads, double seconds, Restraint restraint)
      throws IOException, InterruptedException {
    List<Embedder> embedders = new ArrayList<>();
    try {
      embedders.add(new RaptEmbedder(threads, restraint));
      embedders.add(new OnnxEmbedder(threads, true));
      embedders.add(new OnnxEmbedder(threads, false));
      double[] differences = compare(embedders);
      List<Times> times = embedders.stream().map(embedder -> new Times()).toList();
      long begin = System.nanoTime();
      int rounds = 0;
      while (rounds < LEAST_ROUNDS || (System.nanoTime() - begin) / 1e9 < seconds) {
        for (int i = 0; i < embedders.size(); i++) {
          int turn = rounds % 2 == 0 ? i : embedders.size() - 1 - i;
          take(embedders.get(turn), times.get(turn));
        }
        rounds++;
      }
      return result(threads, embedders, differences, times);
    } catch (OrtException e) {
      throw new IOException("ONNX Runtime: " + e.getMessage(), e);
    } finally {
      embedders.forEach(Embedder::close);
    }
  }

  private double[] compare(List<Embedder> embedders) throws IOException {
    float[][] expected = embedders.getFirst().embed(sentences);
    double[] differences = new double[embedders.size()];
    for (int i = 0; i < differences.length; i++) {
      for (int warmUp = 0; warmUp < WARM_UPS; warmUp++) {
        differences[i] = difference(expected, embedders.get(i).embed(sentences));
      }
      if (!(differences[i] <= ALLOWED)) {
        throw new IOException(
            embedders.get(i).name() + " differs by " + differences[i] + ", not timed");
      }
    }
    return differences;
  }

  /** The largest between elements; NaN counts as infinite. */
  static double difference(float[][] expected, float[][] got) {
    double largest = 0;
    for (int i = 0; i < expected.length; i++) {
      for (int j = 0; j < expected[i].length; j++) {
        double difference = Math.abs((double) expected[i][j] - got[i][j]);
        largest = Math.max(largest, Double.isNaN(difference) ? Double.MAX_VALUE : difference);
      }
    }
    return largest;
  }

  private void take(Embedder embedder, Times times) throws InterruptedException {
    Thread.sleep(Turn.PAUSE_MILLIS);
    long cpu = SYSTEM.getProcessCpuTime();
    long clock = System.nanoTime();
    embedder.embed(sentences);
    times.clock.add((System.nanoTime() - clock) / 1e9);
    times.cpu.add((SYSTEM.getProcessCpuTime() - cpu) / 1e9);
  }

  private EmbeddingResult result(
      int threads, List<Embedder> embedders, double[] differences, List<Times> times) {
    long tokens = sentences.stream().mapToLong(TokenizedText::length).sum();
    Times rapt = times.getFirst();
    List<EmbeddingResult.Figure> figures = new ArrayList<>();
    for (int i = 0; i < differences.length; i++) {
      Times own = times.get(i);
      figures.add(
          new EmbeddingResult.Figure(
              embedders.get(i).name(),
              differences[i],
              tokens / median(own.cpu),
              tokens / median(own.clock),
              i == 0 ? null : ratio(own.cpu, rapt.cpu),
              i == 0 ? null : ratio(own.clock, rapt.clock)));
    }
    return new EmbeddingResult(threads, sentences.size(), tokens, rapt.cpu.size(), figures);
  }

  private static double median(List<Double> figures) {
    return Spread.of(figures.stream().mapToDouble(Double::doubleValue).toArray()).median();
  }

  private static Spread ratio(List<Double> theirs, List<Double> ours) {
    return Spread.of(
        IntStream.range(0, ours.size())
            .mapToDouble(round -> theirs.get(round) / ours.get(round))
            .toArray());
  }
}
