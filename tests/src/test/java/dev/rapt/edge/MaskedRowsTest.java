// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.check.AttentionCall;
import dev.rapt.check.AttentionCall.Actual;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Judge;
import dev.rapt.check.Tier;
import java.util.Arrays;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows, blocks and splits that have nothing to attend to. */
class MaskedRowsTest {
  private static final String PREFILL = "b2 h4/2 q40 k150 d24 mask(q,k) weights(softmax) lse";
  private static final String DECODE = "b2 h4/2 q2 k700 d24 mask(q,k) weights(softmax) lse";

  @ParameterizedTest
  @ValueSource(
      strings = {
        PREFILL + " density(0)",
        DECODE + " density(0)",
        PREFILL + " density(0) sinks(h)",
        DECODE + " density(0) sinks(h)",
        PREFILL + " density(0) softcap(3) alibi(h) bias(h,q,k)",
        "b1 h2 q20 k30 d16 causal(top) offset(-100) weights(softmax) lse",
        "b1 h2 q3 k30 d16 causal(top) offset(-100) weights(softmax) lse",
        "b1 h2 q20 k30 d16 window(4,4) offset(100) weights(softmax) lse"
      })
  void allMaskedRowsGiveZeroAndMinusInfinity(String name) {
    AttentionCase c = AttentionCase.parse(name);
    try (AttentionCall call = new AttentionCall(c)) {
      for (Tier tier : Tier.usable()) {
        Actual actual = call.run(tier.device());
        assertAll(tier + " output", 0f, actual.output());
        assertAll(tier + " weights", 0f, actual.weights());
        assertAll(tier + " lse", Float.NEGATIVE_INFINITY, actual.lse());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {PREFILL, DECODE, PREFILL + " sinks(h)", PREFILL + " bias(h,q,k) softcap(2)"})
  void everyNthRowMasked(String name) {
    AttentionCase c = AttentionCase.parse(name);
    for (IntPredicate masked :
        new IntPredicate[] {row -> row % 4 == 0, row -> row % 5 == 3, row -> row % 2 == 1}) {
      AttentionProblem p = c.problem();
      maskCells(p, (row, key) -> masked.test(row));
      Judge.everyTier(c, p);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q34 k1 d64 causal(bottom) weights(softmax) lse",
        "b1 h2 q34 k1 d64 causal(top) weights(softmax) lse",
        "b1 h4/1 q34 k1 d64 causal(bottom) sinks(h) lse",
        "b1 h2 q513 k130 d32 causal(bottom) lse",
        "b1 h2/1 q9 k4 d32 causal(bottom) lse"
      })
  void causalWithMoreQueriesThanKeys(String name) {
    Judge.everyTier(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q40 k900 d32 mask(q,k) lse",
        "b1 h2/1 q1 k5000 d32 mask(q,k) lse",
        "b1 h4/1 q4 k5000 d32 mask(q,k) softcap(3) sinks(h) lse"
      })
  void splitChunkWithNoAttendableKey(String name) {
    AttentionCase c = AttentionCase.parse(name);
    int length = c.kvLen();
    for (IntPredicate visible :
        new IntPredicate[] {
          key -> key >= length - 10,
          key -> key < 10,
          key -> key == length / 2,
          key -> key / 128 % 3 == 1,
          key -> key < 3 || key >= length - 3
        }) {
      AttentionProblem p = c.problem();
      maskCells(p, (row, key) -> !visible.test(key));
      Judge.everyTier(c, p);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q40 k900 d32 causal(top) offset(700) window(20,0) lse",
        "b1 h2/1 q1 k5000 d32 causal(bottom) window(100,0) lse",
        "b1 h2/1 q1 k5000 d32 causal(top) offset(60) lse",
        "b1 h2/1 q3 k5000 d32 offset(2500) window(1,1) lse"
      })
  void windowLeavesMostKeysOut(String name) {
    Judge.everyTier(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {PREFILL, DECODE})
  void maskedKeyWithAHugeLogitNeverDominates(String name) {
    AttentionCase c = AttentionCase.parse(name);
    AttentionProblem p = c.problem();
    maskCells(p, (row, key) -> key % 7 == 3);
    for (int row = 0; row < p.key().length / p.headDim(); row++) {
      if (row % p.kvLen() % 7 == 3) {
        Arrays.fill(p.key(), row * p.headDim(), (row + 1) * p.headDim(), 1e5f);
      }
    }
    Judge.everyTier(c, p);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q40 k150 d24 bias(q,k) softcap(2) weights(softmax) lse",
        "b1 h2 q2 k700 d24 bias(q,k) softcap(2) weights(bias) lse"
      })
  void minusInfinityBiasIsNotRevivedBySoftcap(String name) {
    AttentionCase c = AttentionCase.parse(name);
    AttentionProblem p = c.problem();
    float[] bias = p.bias().data();
    for (int i = 0; i < bias.length; i++) {
      if (i % 3 == 0 || i < p.kvLen()) {
        bias[i] = Float.NEGATIVE_INFINITY;
      }
    }
    Judge.everyTier(c, p);
  }

  @Test
  void biasFarBelowAnySentinelIsStillAScore() {
    AttentionCase c =
        AttentionCase.parse("b1 h2 q20 k70 d16 bias(q,k) mask(k) weights(softmax) lse");
    AttentionProblem p = c.problem();
    Arrays.fill(p.bias().data(), -3e38f);
    Judge.everyTier(c, p);
  }

  private interface Cell {
    boolean masked(int row, int key);
  }

  /** Masks these cells of a (q, k) mask and attends to all others. */
  private static void maskCells(AttentionProblem p, Cell cell) {
    float[] mask = p.mask().data();
    for (int i = 0; i < mask.length; i++) {
      mask[i] = cell.masked(i / p.kvLen(), i % p.kvLen()) ? 0 : 1;
    }
  }

  private static void assertAll(String what, float expected, float[] actual) {
    for (int i = 0; i < actual.length; i++) {
      // Compared as numbers: a zero may carry a sign.
      assertEquals(expected + 0.0, actual[i] + 0.0, what + " at " + i);
    }
  }
}
