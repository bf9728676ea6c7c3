// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.stress.call.Draw;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/** Calls that are wrong, one after the other, each of which its seed and number replay. */
public final class HostileRun {
  private static final int MOST_FAILURES = 20;
  private static final long TELL_EVERY = 1024;

  private final long seed;
  private final Map<String, Long> kinds = new TreeMap<>();
  private final List<String> failures = new ArrayList<>();
  private long refused;
  private long succeeded;

  /** A run that has not begun. */
  public HostileRun(long seed) {
    this.seed = seed;
  }

  /**
   * Runs the calls of numbers {@code first} to {@code first + calls - 1}.
   *
   * @param log gets the seed and the number of each call before it is made, so that they survive
   *     the JVM
   */
  public HostileSummary run(
      long first, long calls, Path log, Map<String, String> machine, LongConsumer progress)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    long done = 0;
    try (World world = new World();
        Arena arena = Arena.ofConfined();
        FileChannel file =
            FileChannel.open(
                log,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      MemorySegment last = file.map(FileChannel.MapMode.READ_WRITE, 0, 16, arena);
      last.set(ValueLayout.JAVA_LONG, 0, seed);
      for (; done < calls && failures.size() < MOST_FAILURES; done++) {
        last.set(ValueLayout.JAVA_LONG, 8, first + done);
        call(first + done, world);
        if (done % TELL_EVERY == 0) {
          progress.accept(done);
        }
      }
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    return new HostileSummary(seed, machine, seconds, done, refused, succeeded, kinds, failures);
  }

  private void call(long number, World world) {
    try (Arena arena = Arena.ofConfined()) {
      Draw draw = new Draw(seed, number);
      Attempt attempt =
          switch (draw.from(0, 19)) {
            case 0, 1 -> TensorAttempts.draw(draw, world, arena);
            case 2, 3 -> ElementAttempts.draw(draw, world, arena);
            case 4 -> OptionAttempts.draw(draw, world, arena);
            case 5 ->
                draw.oneIn(2)
                    ? QuantizationAttempts.draw(draw, world, arena)
                    : ArrayAttempts.draw(draw, world);
            default -> CallAttempts.draw(draw, world, arena);
          };
      for (String fault : attempt.faults()) {
        kinds.merge(attempt.kind() + ": " + fault, 1L, Long::sum);
      }
      String failure = attempt.failure();
      if (failure != null) {
        failures.add(
            "call " + number + " (" + attempt.kind() + ": " + attempt.faults() + ") " + failure);
      } else if (attempt.expected().isEmpty()) {
        succeeded++;
      } else {
        refused++;
      }
    }
  }
}
