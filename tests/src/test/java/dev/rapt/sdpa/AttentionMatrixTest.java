// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.check.AttentionCase;
import dev.rapt.check.Cuda;
import dev.rapt.check.Judge;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every tier, with one thread and with several, on every case: against the oracle, and thread
 * counts against each other bit for bit. The CUDA device on all of them where it is a real one, on
 * small ones where it is emulated.
 *
 * <p>{@code -Drapt.case="b2 h4/2 q37 k70 d24/20 causal(top)"} runs one case by its name, and {@code
 * -Drapt.random=5000} more random ones.
 */
class AttentionMatrixTest {
  private static final int RANDOM_CASES = 400;

  static Stream<AttentionCase> cases() {
    String replay = System.getProperty("rapt.case");
    if (replay != null) {
      return Stream.of(AttentionCase.parse(replay));
    }
    return Stream.concat(
        Sweeps.all().stream().map(AttentionCase::parse),
        RandomCases.first(Integer.getInteger("rapt.random", RANDOM_CASES)).stream());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierAgreesWithTheOracle(AttentionCase c) {
    Judge.everyTier(c);
  }

  static Stream<AttentionCase> cudaCases() {
    return System.getProperty("rapt.case") != null
        ? cases()
        : Cuda.affordable(cases(), SmallCases.all().stream().map(AttentionCase::parse));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cudaCases")
  void cudaAgreesWithTheOracle(AttentionCase c) {
    Cuda.require();
    Judge.onCuda(c);
  }

  @Test
  void aNameReplaysItsCase() {
    Set<String> names = new HashSet<>();
    List<AttentionCase> cases = cases().toList();
    for (AttentionCase c : cases) {
      assertEquals(c, AttentionCase.parse(c.toString()));
      names.add(c.toString());
    }
    assertTrue(names.size() > cases.size() * 0.95, "too many cases are the same");
  }
}
