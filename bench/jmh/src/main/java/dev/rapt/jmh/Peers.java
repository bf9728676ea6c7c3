// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;

/**
 * Rapt against ONNX Runtime in one run, taking short turns, so that what else the machine does
 * falls on all alike: {@code java -jar bench/jmh/target/rapt-jmh.jar peers [SHAPE [THREADS]]}. Rapt
 * and Attention are compared with each other before anything is timed.
 */
final class Peers {
  private static final int ROUNDS = 30;
  private static final long TURN_NANOS = 100_000_000;

  /** Short calls are timed together, so that the clock's own cost vanishes. */
  private static final long SAMPLE_NANOS = 100_000;

  /** Long enough for the last contender's threads to stop spinning. */
  private static final long PAUSE_MILLIS = 20;

  /** Both are f32; this only has to tell a wrong result from a right one. */
  private static final float AGREEMENT = 1e-4f;

  private Peers() {}

  /** Prints a table; fails where two contenders disagree. */
  static void compare(String[] arguments) {
    Shape shape;
    int threads;
    try {
      shape = Shape.of(arguments.length > 0 ? arguments[0] : Shape.BERT_BASE.label);
      threads = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1;
    } catch (IllegalArgumentException e) {
      System.err.println("usage: peers [SHAPE [THREADS]]: " + e.getMessage());
      System.exit(2);
      return;
    }
    try (Arena arena = Arena.ofShared()) {
      List<Contender> contenders = new ArrayList<>();
      Operands operands = new Operands(arena, shape);
      contenders.add(RaptContender.cpu(shape, operands, threads));
      contenders.add(OnnxContender.attention(shape, operands, threads));
      verify(contenders);
      if (shape.heads == shape.kvHeads) {
        contenders.add(OnnxContender.multiHead(shape, operands, threads));
      }
      System.out.printf("%s, %d thread(s), f32; contenders take turns%n", shape, threads);
      print(shape, contenders, time(contenders));
      contenders.forEach(Contender::close);
    }
  }

  private static void verify(List<Contender> contenders) {
    float[] expected = null;
    for (Contender contender : contenders) {
      MemorySegment output = contender.output();
      output.fill((byte) -1);
      contender.run();
      float[] actual = output.toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; expected != null && i < actual.length; i++) {
        if (!(Math.abs(expected[i] - actual[i]) <= AGREEMENT)) {
          throw new IllegalStateException(
              contender.name() + " gives " + actual[i] + " at " + i + ", not " + expected[i]);
        }
      }
      expected = actual;
    }
  }

  /** Nanoseconds per call of each sample of each contender, sorted; the first round is warm-up. */
  private static List<double[]> time(List<Contender> contenders) {
    List<DoubleStream.Builder> times = new ArrayList<>();
    contenders.forEach(contender -> times.add(DoubleStream.builder()));
    for (int round = 0; round < ROUNDS; round++) {
      for (int c = 0; c < contenders.size(); c++) {
        turn(contenders.get(c), round == 0 ? DoubleStream.builder() : times.get(c));
      }
    }
    return times.stream().map(samples -> samples.build().sorted().toArray()).toList();
  }

  private static void turn(Contender contender, DoubleStream.Builder times) {
    try {
      Thread.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    // What the last contender left in the caches is not this one's fault.
    contender.run();
    long begin = System.nanoTime();
    contender.run();
    long calls = Math.max(1, SAMPLE_NANOS / Math.max(1, System.nanoTime() - begin));
    long start = System.nanoTime();
    do {
      for (long i = 0; i < calls; i++) {
        contender.run();
      }
      long end = System.nanoTime();
      times.add((end - start) / (double) calls);
      start = end;
    } while (start - begin < TURN_NANOS);
  }

  private static void print(Shape shape, List<Contender> contenders, List<double[]> times) {
    double ours = median(times.getFirst());
    System.out.printf(
        "%-44s %12s %12s %12s %10s %8s%n",
        "", "median us", "p10 us", "p90 us", "GFLOP/s", "Rapt is");
    for (int c = 0; c < times.size(); c++) {
      double[] samples = times.get(c);
      double median = median(samples);
      System.out.printf(
          "%-44s %12.3f %12.3f %12.3f %10.1f %7.2fx%n",
          contenders.get(c).name(),
          median / 1e3,
          samples[samples.length / 10] / 1e3,
          samples[samples.length * 9 / 10] / 1e3,
          shape.flops() / median,
          median / ours);
    }
  }

  private static double median(double[] sorted) {
    return sorted[sorted.length / 2];
  }
}
