// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.fail;

import dev.rapt.DType;
import dev.rapt.check.AttentionCall.Actual;
import dev.rapt.check.Oracle.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Runs a case on every tier, with one thread and with several, and compares with the oracle. */
public final class Judge {
  private Judge() {}

  public static void everyTier(String caseName) {
    everyTier(AttentionCase.parse(caseName));
  }

  public static void everyTier(AttentionCase c) {
    everyTier(c, c.problem());
  }

  /** The same on values that a test has changed. */
  public static void everyTier(AttentionCase c, AttentionProblem problem) {
    Answer expected = Oracle.answer(problem).stored(c.dtype("out"));
    try (AttentionCall call = new AttentionCall(c, problem)) {
      everyTier(
          Tier.worth(c, runsOwnKernels(c)),
          tier -> {
            Actual actual = call.run(tier.device());
            String what = c + " on " + tier;
            check(what, expected, actual.output(), actual.lse(), actual.weights());
            if (tier != Tier.JAVA) {
              Actual several = call.run(tier.device(Tier.SEVERAL_THREADS));
              actual.checkSameBits(several, what + " with several threads");
            }
          });
    }
  }

  /**
   * Runs a case on the CUDA device, twice: the bits must be the same. Its matrix units take 16-bit
   * operands, so the bound counts that the softmax's exponentials are rounded to the value's type.
   */
  public static void onCuda(AttentionCase c) {
    AttentionProblem problem = c.problem();
    DType value = c.dtype("value");
    DType factors = value == DType.I8 ? DType.F32 : value; // bytes are scaled, and then are f32
    Answer expected = Oracle.answer(problem, factors).stored(c.dtype("out"));
    try (AttentionCall call = new AttentionCall(c, problem)) {
      Actual actual = call.run(Cuda.device());
      String what = c + " on CUDA";
      check(what, expected, actual.output(), actual.lse(), actual.weights());
      actual.checkSameBits(call.run(Cuda.device()), what + ", once more");
    }
  }

  /** Whether bf16 keys meet bf16 queries. */
  private static boolean runsOwnKernels(AttentionCase c) {
    return c.dtype("key") == DType.BF16 && c.dtype("query") == DType.BF16;
  }

  /** Runs a check on every tier and fails with one line for each tier that fails. */
  public static void everyTier(Consumer<Tier> check) {
    everyTier(Tier.usable(), check);
  }

  /** The same on some tiers. */
  public static void everyTier(List<Tier> tiers, Consumer<Tier> check) {
    List<String> failures = new ArrayList<>();
    for (Tier tier : tiers) {
      try {
        check.accept(tier);
      } catch (AssertionError e) {
        failures.add(e.getMessage());
      } catch (RuntimeException e) {
        failures.add(tier + " threw " + e);
      }
    }
    if (!failures.isEmpty()) {
      fail(String.join("\n", failures));
    }
  }

  /** Checks what a call answered; null for an output it was not asked for. */
  public static void check(
      String what, Answer expected, float[] output, float[] lse, float[] weights) {
    ErrorBound.check(what + ": output", expected.output(), output);
    if (lse != null) {
      ErrorBound.check(what + ": lse", expected.lse(), lse);
    }
    if (weights != null) {
      ErrorBound.check(what + ": weights", expected.weights(), weights);
    }
  }
}
