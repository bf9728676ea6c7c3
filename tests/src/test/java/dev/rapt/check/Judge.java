// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.assertAll;

import dev.rapt.check.AttentionCall.Actual;
import dev.rapt.check.Oracle.Answer;
import org.junit.jupiter.api.function.Executable;

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
    Answer exact = Oracle.exact(problem);
    Answer rounded = Oracle.rounded(problem);
    try (AttentionCall call = new AttentionCall(c, problem)) {
      assertAll(Tier.usable().stream().map(tier -> judge(c, tier, call, exact, rounded)));
    }
  }

  private static Executable judge(
      AttentionCase c, Tier tier, AttentionCall call, Answer exact, Answer rounded) {
    return () -> {
      Actual actual = call.run(tier.device());
      String what = c + " on " + tier;
      ErrorBound.check(what + ": output", exact.output(), rounded.output(), actual.output());
      if (actual.lse() != null) {
        ErrorBound.check(what + ": lse", exact.lse(), rounded.lse(), actual.lse());
      }
      if (actual.weights() != null) {
        ErrorBound.check(what + ": weights", exact.weights(), rounded.weights(), actual.weights());
      }
      if (tier != Tier.JAVA) {
        Actual several = call.run(tier.device(Tier.SEVERAL_THREADS));
        actual.checkSameBits(several, what + " with several threads");
      }
    };
  }
}
