// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;

/**
 * Many Java threads on one device against a single caller: {@code java
 * --enable-native-access=ALL-UNNAMED -cp bench/jmh/target/rapt-jmh.jar dev.rapt.jmh.Callers [SHAPE
 * [CALLERS [THREADS]]]}. One caller on one thread, one caller on all threads and all callers take
 * turns, so that what else the machine does falls on all alike; {@code rapt-bench callers} does the
 * same from C.
 */
final class Callers {
  private static final int TURNS = 20;
  private static final long TURN_MILLIS = 200;

  private Callers() {}

  /** Prints the calls per second of each, and the many callers' share of the best single one. */
  public static void main(String[] arguments) throws InterruptedException {
    Shape shape;
    int callers;
    int threads;
    try {
      shape = Shape.of(arguments.length > 0 ? arguments[0] : Shape.MINILM.label);
      callers = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 16;
      threads = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 0;
    } catch (IllegalArgumentException e) {
      System.err.println("usage: Callers [SHAPE [CALLERS [THREADS]]]: " + e.getMessage());
      System.exit(2);
      return;
    }
    // Each caller has an arena of its own, as threads that have nothing to do with each other do:
    // calls count
    // themselves in the arenas of their tensors, and on one and the same they would all fight over
    // that count.
    List<Arena> arenas = Stream.generate(Arena::ofShared).limit(callers).toList();
    try (Device one = Device.cpu(CpuOptions.builder().threads(1).build());
        Device all = Device.cpu(CpuOptions.builder().threads(threads).build())) {
      RaptCall alone = RaptCall.on(one, shape, new Operands(arenas.getFirst(), shape));
      List<RaptCall> many =
          arenas.stream()
              .map(arena -> RaptCall.on(all, shape, new Operands(arena, shape)))
              .toList();
      List<List<RaptCall>> contenders = List.of(List.of(alone), List.of(many.getFirst()), many);
      List<List<Double>> rates = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
      for (int turn = 0; turn <= TURNS; turn++) {
        for (int c = 0; c < contenders.size(); c++) {
          double rate = take(contenders.get(c));
          // The first turn warms the JVM up.
          if (turn > 0) {
            rates.get(c).add(rate);
          }
        }
      }
      print(shape, callers, all.threads(), rates.stream().mapToDouble(Callers::median).toArray());
    }
    arenas.forEach(Arena::close);
  }

  /** Calls per second of these callers together. */
  private static double take(List<RaptCall> callers) throws InterruptedException {
    AtomicBoolean stop = new AtomicBoolean();
    LongAdder calls = new LongAdder();
    long begin = System.nanoTime();
    List<Thread> threads =
        callers.stream()
            .map(caller -> Thread.ofPlatform().start(() -> calls.add(callUntil(stop, caller))))
            .toList();
    Thread.sleep(TURN_MILLIS);
    stop.set(true);
    for (Thread thread : threads) {
      thread.join();
    }
    return calls.sum() * 1e9 / (System.nanoTime() - begin);
  }

  private static long callUntil(AtomicBoolean stop, RaptCall caller) {
    long calls = 0;
    for (; !stop.get(); calls++) {
      caller.run();
    }
    return calls;
  }

  private static double median(List<Double> rates) {
    double[] sorted = rates.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  private static void print(Shape shape, int callers, int threads, double[] rates) {
    double best = Math.max(rates[0], rates[1]);
    System.out.printf(Locale.ROOT, "%s; calls per second, medians of %d turns%n", shape, TURNS);
    System.out.printf(Locale.ROOT, "%-28s %12.0f%n", "1 caller, 1 thread", rates[0]);
    System.out.printf(Locale.ROOT, "%-28s %12.0f%n", "1 caller, threads " + threads, rates[1]);
    System.out.printf(
        Locale.ROOT, "%-28s %12.0f%n", callers + " callers, threads " + threads, rates[2]);
    System.out.printf(Locale.ROOT, "%.1f %% of the best single caller%n", 100 * rates[2] / best);
  }
}
