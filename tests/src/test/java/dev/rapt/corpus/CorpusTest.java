// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.rapt.check.Tier;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The seeded problems of tests/native/corpus through the public API: bit by bit the results that
 * the native corpus has through C. {@code -Drapt.problem=1234} runs one of them.
 */
class CorpusTest {
  private static final Path ROOT = Path.of(System.getProperty("rapt.root"));
  private static final Path CORPUS = ROOT.resolve("build/release/tests/corpus");
  private static final Integer ONLY = Integer.getInteger("rapt.problem");

  /** Each has a process of its own that draws and sends its share of the problems. */
  private static final int WORKERS = 2;

  private static final Map<Tier, Tally> TALLIES = new EnumMap<>(Tier.class);
  private static int expected;

  static List<Tier> tiers() {
    return Tier.usableNative();
  }

  @BeforeAll
  static void runAllProblems() throws Exception {
    requireCorpus();
    Hashes hashes = new Hashes(ROOT.resolve("tests/native/corpus/hashes.txt"));
    tiers().forEach(tier -> TALLIES.put(tier, new Tally(tier)));
    int first = ONLY == null ? 0 : ONLY;
    expected = ONLY == null ? hashes.problems() : 1;
    try (ExecutorService workers = Executors.newFixedThreadPool(WORKERS)) {
      List<Future<?>> running = new ArrayList<>();
      for (int worker = 0; worker < Math.min(WORKERS, expected); worker++) {
        int from = first + expected * worker / WORKERS;
        int to = first + Math.max(1, expected * (worker + 1) / WORKERS) - 1;
        running.add(
            workers.submit(
                () -> {
                  runProblems(hashes, from, to);
                  return null;
                }));
      }
      for (Future<?> worker : running) {
        worker.get();
      }
    }
  }

  private static void requireCorpus() {
    if (Files.isExecutable(CORPUS)) {
      return;
    }
    String reason = "no native corpus at " + CORPUS + "; scripts/build-native makes it";
    if ("true".equals(System.getenv("CI"))) {
      fail(reason);
    }
    System.out.println("skipped: " + reason);
    abort(reason);
  }

  private static void runProblems(Hashes hashes, int from, int to)
      throws IOException, InterruptedException {
    try (ProblemStream stream = new ProblemStream(CORPUS, from, to)) {
      for (boolean more = true; more; ) {
        try (Arena arena = Arena.ofConfined()) {
          Problem problem = stream.next(arena);
          more = problem != null;
          if (more) {
            runOnAllTiers(hashes, problem, new Outputs(problem, arena));
          }
        }
      }
      assertEquals(0, stream.exitStatus(), "exit status of the native corpus");
    }
  }

  private static void runOnAllTiers(Hashes hashes, Problem problem, Outputs outputs) {
    for (Map.Entry<Tier, Tally> entry : TALLIES.entrySet()) {
      Tier tier = entry.getKey();
      Tally tally = entry.getValue();
      long start = System.nanoTime();
      outputs.reset();
      try {
        ProblemCall.of(problem).run(tier.device());
        int want = hashes.of(problem, tier);
        int got = outputs.hash();
        if (want != got) {
          tally.wrong(problem, String.format(Locale.ROOT, "expected %08x, got %08x", want, got));
        }
      } catch (RuntimeException refused) {
        tally.wrong(problem, "refused: " + refused.getMessage());
      }
      tally.ran(System.nanoTime() - start);
    }
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void bitsAreThoseOfTheNativeCorpus(Tier tier) {
    Tally tally = TALLIES.get(tier);
    System.out.println(tally);
    assertEquals("", tally.shown(), tally.toString());
    assertEquals(expected, tally.problems(), "problems");
  }
}
