// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.stress.call.Draw;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/** Many threads call at once while others close what they use. */
public final class StressRun {
  private static final List<String> GROUPS =
      List.of("operations", "tiers", "devices", "refused", "closed", "left out");
  private static final int CLOSERS = 3;
  private static final long SAMPLE_MILLIS = 500;
  private static final long LOOK_MILLIS = 20;
  private static final int MOST_FAILURES = 20;

  /** What the names of all threads begin with, and so those of the workers that they start. */
  private static final String NAME = "stress-";

  private static final long JOIN_MILLIS = TimeUnit.MINUTES.toMillis(5);

  private final Settings settings;
  private final Tally tally = new Tally();
  private final Resident resident = new Resident();
  private final AtomicLongArray begun;
  private volatile boolean stopped;

  /** A run that has not begun. */
  public StressRun(Settings settings) {
    this.settings = settings;
    begun = new AtomicLongArray(settings.platformThreads() + settings.virtualThreads());
  }

  /** Runs it; {@code progress} is told the number of calls now and then. */
  public Summary run(Map<String, String> machine, LongConsumer progress)
      throws InterruptedException {
    try (House house = new House(settings.seed(), settings.cases())) {
      Thread opener = Thread.ofPlatform().name(NAME + "o").start(() -> house.open(settings.seed()));
      opener.join();
      long start = System.nanoTime();
      long end = start + TimeUnit.SECONDS.toNanos(settings.seconds());
      BooleanSupplier ended = () -> stopped || System.nanoTime() - end > 0 || enough();
      List<Thread> threads = start(house, ended);
      Watchdog watchdog = new Watchdog(begun);
      for (long next = start; !ended.getAsBoolean(); Thread.sleep(LOOK_MILLIS)) {
        if (System.nanoTime() - next >= 0) {
          resident.sample();
          watchdog.look();
          progress.accept(tally.calls());
          next += TimeUnit.MILLISECONDS.toNanos(SAMPLE_MILLIS);
        }
        stopped = tally.failures().size() >= MOST_FAILURES;
      }
      resident.sample();
      join(threads);
      double seconds = (System.nanoTime() - start) * 1e-9;
      house.shut();
      for (Case one : house.cases) {
        if (!one.isIntact()) {
          tally.failure("inputs of case " + one.number() + " were written");
        }
      }
      return summary(machine, seconds, Workers.left(NAME));
    }
  }

  private boolean enough() {
    return settings.calls() > 0 && tally.calls() >= settings.calls();
  }

  private List<Thread> start(House house, BooleanSupplier ended) {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < begun.length(); i++) {
      Runnable caller =
          new Caller(i, new Draw(settings.seed(), -2L - i), house, tally, begun, ended);
      threads.add(
          i < settings.platformThreads()
              ? Thread.ofPlatform().name(NAME + i).start(caller)
              : Thread.ofVirtual().name(NAME + i).start(caller));
    }
    for (int i = 0; i < CLOSERS; i++) {
      Draw draw = new Draw(~settings.seed(), i);
      Runnable closer = new Closer(draw, house, tally, ended);
      threads.add(Thread.ofPlatform().name(NAME + "c" + i).start(closer));
    }
    return threads;
  }

  private static void join(List<Thread> threads) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(JOIN_MILLIS);
    for (Thread thread : threads) {
      thread.join(Math.max(1, (end - System.nanoTime()) / 1_000_000));
      if (thread.isAlive()) {
        Watchdog.end(thread.getName() + " does not end");
      }
    }
  }

  private Summary summary(Map<String, String> machine, double seconds, int workersLeft) {
    double[] medians = resident.medians();
    List<String> failures = new ArrayList<>(tally.failures());
    // A run by count is for tests, whose JVM has a heap that grows.
    boolean judged = settings.calls() == 0 && resident.isEnough();
    if (judged && !resident.isFlat()) {
      failures.add("resident memory grew from " + medians[0] + " to " + medians[1] + " MiB");
    }
    if (workersLeft > 0) {
      failures.add(workersLeft + " native threads are left after closing");
    }
    Map<String, Map<String, Long>> groups = new LinkedHashMap<>();
    for (String group : GROUPS) {
      groups.put(group, tally.group(group));
    }
    return new Summary(
        settings,
        machine,
        seconds,
        new Summary.Calls(tally.calls(), tally.compared(), tally.bytes(), groups),
        new Summary.Residence(medians[0], medians[1], judged, workersLeft),
        failures);
  }
}
