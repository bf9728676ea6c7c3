// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.report;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.rapt.DType;
import dev.rapt.peers.contest.Session;
import dev.rapt.peers.contest.Shape;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * One shape, storage type and number of threads, measured in one run. In JSON its groups are flat.
 *
 * @param figures by contender; Rapt once per process
 */
public record CaseResult(
    Shape shape,
    DType dtype,
    int threads,
    @JsonUnwrapped Origin origin,
    @JsonUnwrapped Peaks peaks,
    @JsonUnwrapped Work work,
    @JsonUnwrapped Repetition repetition,
    List<Figure> figures) {

  /**
   * Where it comes from.
   *
   * @param date when, in UTC
   * @param commit of Rapt
   */
  public record Origin(String date, String commit) {}

  /**
   * What that many threads reach.
   *
   * @param peakGflops the f32 multiply-adds, measured around the rounds
   * @param peakGbps the read bandwidth: the median of readings in turns with the rounds
   */
  public record Peaks(double peakGflops, double peakGbps) {}

  /**
   * What one call does.
   *
   * @param flops floating-point operations
   * @param bytes that it reads and writes at least
   */
  public record Work(double flops, double bytes) {}

  /**
   * How often.
   *
   * @param copies of keys and values that calls walked through
   * @param rounds in which every contender had its turn
   */
  public record Repetition(int copies, int rounds) {}

  /** Whether another result is of the same shape, type and threads. */
  public boolean sameCase(CaseResult other) {
    return shape.name().equals(other.shape.name())
        && dtype == other.dtype
        && threads == other.threads;
  }

  /** Rapt's figure with the median time among its processes; empty where its result was wrong. */
  @JsonIgnore
  public Optional<Figure> rapt() {
    List<Figure> own =
        figures.stream()
            .filter(figure -> figure.name().equals(Session.RAPT) && figure.seconds() != null)
            .sorted(Comparator.comparingDouble(figure -> figure.seconds().median()))
            .toList();
    return own.isEmpty() ? Optional.empty() : Optional.of(own.get((own.size() - 1) / 2));
  }

  /** The figure of a peer; empty where it did not take part. */
  public Optional<Figure> peer(String name) {
    return figures.stream().filter(figure -> figure.name().equals(name)).findFirst();
  }

  /** The fastest peer; empty where none was timed. */
  @JsonIgnore
  public Optional<Figure> bestPeer() {
    return figures.stream()
        .filter(figure -> figure.ratio() != null)
        .min(Comparator.comparingDouble(figure -> figure.ratio().median()));
  }

  /** Speed in what bounds the shape, for example {@code 209 GFLOP/s} or {@code 31 GB/s}. */
  public String rate(double seconds) {
    double amount = shape.decodes() ? work.bytes : work.flops;
    String unit = shape.decodes() ? "GB/s" : "GFLOP/s";
    double rate = amount / seconds / 1e9;
    return String.format(Locale.ROOT, rate < 10 ? "%.1f %s" : "%.0f %s", rate, unit);
  }
}
