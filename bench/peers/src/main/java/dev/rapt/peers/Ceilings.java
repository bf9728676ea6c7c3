// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.rapt.peers.contest.Restraint;
import dev.rapt.peers.report.Spread;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * What some threads of this machine can do at best, measured by the native benchmark and as it
 * defines it: the f32 multiply-add peak around the rounds of a case, and reading in turns with
 * them. Only neighbours in time are compared, since the bandwidth of a shared machine changes from
 * one moment to the next.
 */
final class Ceilings implements AutoCloseable {
  /** As many streams as a thread reads at once; the fastest of them is the ceiling. */
  private static final List<String> WAYS = List.of("gbps_1", "gbps_2", "gbps_4");

  private static final int END_SECONDS = 10;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path bench;
  private final int threads;
  private final Restraint restraint;
  private final Process process;
  private final OutputStream requests;
  private final BufferedReader replies;
  private final List<double[]> readings = new ArrayList<>();
  private double gflops;

  /**
   * Measures the peak for the first time; takes less than a second.
   *
   * @param bench the native benchmark
   * @param restraint whose multiply-add peak it is
   */
  Ceilings(Path bench, int threads, Restraint restraint) throws IOException {
    this.bench = bench;
    this.threads = threads;
    this.restraint = restraint;
    process = start("--in-turns");
    requests = process.getOutputStream();
    replies = replies(process);
    gflops = figure(replies, "gflops");
  }

  /** Reads once more, in each way: the turn of the round that follows. */
  void read() throws IOException {
    requests.write('\n');
    requests.flush();
    JsonNode reply = object(replies);
    readings.add(WAYS.stream().mapToDouble(way -> reply.path(way).asDouble()).toArray());
    if (Arrays.stream(readings.getLast()).anyMatch(rate -> !(rate > 0))) {
      throw new IOException(bench + " ceilings gave no readings: " + reply);
    }
  }

  /** Measures the peak once more; the higher one is what the machine has shown it can do. */
  void measureAgain() throws IOException {
    Process again = start();
    again.getOutputStream().close();
    gflops = Math.max(gflops, figure(replies(again), "gflops"));
  }

  /** In 10⁹ operations per second. */
  double gflops() {
    return gflops;
  }

  /** The median of the readings, in 10⁹ bytes per second. */
  double gbps() {
    return median(fastestWay());
  }

  /** What the reading of each round reached, all in the way whose median is highest. */
  double[] gbpsByRound() {
    int way = fastestWay();
    return readings.stream().mapToDouble(rates -> rates[way]).toArray();
  }

  private int fastestWay() {
    return IntStream.range(0, WAYS.size())
        .boxed()
        .max(Comparator.comparingDouble(this::median))
        .orElseThrow();
  }

  private double median(int way) {
    return Spread.of(readings.stream().mapToDouble(rates -> rates[way]).toArray()).median();
  }

  /** Ends the process: its requests end, and so does it. */
  @Override
  public void close() throws IOException {
    requests.close();
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private Process start(String... more) throws IOException {
    List<String> command = new ArrayList<>();
    command.addAll(List.of(bench.toString(), "ceilings", "--json", "--threads", "" + threads));
    command.addAll(List.of(more));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(restraint.environment());
    return builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private static BufferedReader replies(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  private double figure(BufferedReader from, String name) throws IOException {
    JsonNode json = object(from);
    if (!json.hasNonNull(name)) {
      throw new IOException(bench + " ceilings gave no figures: " + json);
    }
    return json.get(name).asDouble();
  }

  private JsonNode object(BufferedReader from) throws IOException {
    String line = from.readLine();
    if (line == null) {
      throw new IOException(bench + " ceilings has ended");
    }
    return JSON.readTree(line);
  }
}
