// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import static org.junit.jupiter.api.Assertions.fail;

import dev.rapt.check.AttentionCall;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Judge;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * NaN and infinities. What a query cannot see must not change a bit of its row; what it can see
 * must make its row non-finite, and no other.
 */
class NonFiniteTest {
  private static final double[] GARBAGE = {
    Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 3e38
  };

  static Stream<Arguments> visibilities() {
    return Stream.of("q40 k150", "q2 k700", "q1 k1300", "q70 k70")
        .flatMap(
            lengths ->
                Stream.of(
                        "causal(top)",
                        "causal(bottom)",
                        "causal(top) offset(11)",
                        "window(13,4)",
                        "causal(bottom) window(40,0)",
                        "mask(k)",
                        "mask(q,k)",
                        "mask(b,h,q,k) density(0.3)",
                        "bias(q,k)",
                        "bias(b,1,1,k) softcap(4)",
                        "mask(q,k) causal(bottom) alibi(h) sinks(h)")
                    .map(options -> Arguments.of("b2 h4/2 " + lengths + " d24/20 " + options)));
  }

  /** Covers causal diagonal tiles, window edges, and keys masked for some rows only. */
  @ParameterizedTest
  @MethodSource("visibilities")
  void garbageInKeysAndValuesStaysInTheRowsThatSeeIt(String name) {
    AttentionCase c = AttentionCase.parse(name + " lse");
    AttentionProblem clean = c.problem();
    for (double garbage : GARBAGE) {
      for (int j : new int[] {0, 1, clean.kvLen() / 2, clean.kvLen() - 1}) {
        AttentionProblem dirty = c.problem();
        fillRow(dirty.key(), dirty.headDim(), dirty.kvLen(), j, garbage);
        fillRow(dirty.value(), dirty.valueDim(), dirty.kvLen(), j, garbage);
        compare(c, clean, dirty, (b, h, i) -> clean.visible(b, h, i, j), 0, Double.isNaN(garbage));
      }
    }
  }

  /** In all columns, and in the last one only: the tail behind the last full vector. */
  @ParameterizedTest
  @MethodSource("visibilities")
  void nanInValuesStaysInItsColumnsOfTheRowsThatSeeIt(String name) {
    AttentionCase c = AttentionCase.parse(name + " lse");
    AttentionProblem clean = c.problem();
    int j = clean.kvLen() / 3;
    int width = clean.valueDim();
    for (int column : new int[] {0, width - 1}) {
      AttentionProblem dirty = c.problem();
      for (int at = j * width; at < dirty.value().length; at += clean.kvLen() * width) {
        Arrays.fill(dirty.value(), at + column, at + width, Double.NaN);
      }
      compare(c, clean, dirty, (b, h, i) -> clean.visible(b, h, i, j), column, true);
    }
  }

  /** ALiBi as steep as this leaves far keys a weight that f32 cannot hold. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q40 k300 d24/20 mask(q,k) alibi(h)",
        "b1 h2 q1 k700 d24/20 mask(q,k) alibi(h)",
        "b1 h2 q2 k1300 d24/20 mask(q,k) alibi(h)"
      })
  void nanShowsWhereItsWeightRoundsToZero(String name) {
    AttentionCase c = AttentionCase.parse(name + " lse");
    AttentionProblem clean = c.problem();
    AttentionProblem dirty = c.problem();
    Arrays.fill(clean.alibiSlopes(), 100);
    Arrays.fill(dirty.alibiSlopes(), 100);
    int j = clean.kvLen() / 2;
    fillRow(dirty.value(), dirty.valueDim(), dirty.kvLen(), j, Double.NaN);
    compare(c, clean, dirty, (b, h, i) -> clean.visible(b, h, i, j), 0, true);
  }

  /** Not even beside a NaN that is masked, where weights are kept from rounding to 0. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q40 k300 d24/20 mask(k) alibi(h)",
        "b1 h2 q1 k700 d24/20 mask(k) alibi(h)",
        "b1 h2 q2 k1300 d24/20 mask(k) alibi(h)"
      })
  void theLargestValueAddsNothingWhereItsWeightIsZero(String name) {
    AttentionCase c = AttentionCase.parse(name + " lse");
    AttentionProblem p = c.problem();
    Arrays.fill(p.alibiSlopes(), 100);
    int j = p.kvLen() / 2;
    p.mask().data()[j] = 1;
    p.mask().data()[j + 1] = 0;
    fillRow(p.value(), p.valueDim(), p.kvLen(), j, Float.MAX_VALUE);
    fillRow(p.value(), p.valueDim(), p.kvLen(), j + 1, Double.NaN);
    Judge.everyTier(c, p);
  }

  /** Which rows share a task decides what is left out together with them, and must not show. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h4/1 q259 k64 d16 causal(bottom) alibi(h)",
        "b1 h2 q300 k300 d24/20 causal(top) alibi(h)",
        "b1 h2 q300 k300 d24/20 window(30,0) mask(1,k) alibi(h)"
      })
  void aNanChangesNoBitsWithTheNumberOfThreads(String name) {
    AttentionCase c = AttentionCase.parse(name + " lse");
    AttentionProblem p = c.problem();
    Arrays.fill(p.alibiSlopes(), 1000);
    for (int j = 0; j < p.kvLen(); j++) {
      fillRow(p.value(), p.valueDim(), p.kvLen(), j, j % 2); // where the nearest is 0, all shows
    }
    fillRow(p.value(), p.valueDim(), p.kvLen(), p.kvLen() * 3 / 4, Double.NaN);
    try (AttentionCall call = new AttentionCall(c, p)) {
      Judge.everyTier(
          tier -> {
            AttentionCall.Actual one = call.run(tier.device());
            for (int threads = 2; threads <= 5; threads++) {
              one.checkSameBits(call.run(tier.device(threads)), tier + ", " + threads + " threads");
            }
          });
    }
  }

  @ParameterizedTest
  @MethodSource("visibilities")
  void nanInAQueryStaysInItsRow(String name) {
    AttentionCase c = AttentionCase.parse(name + " lse");
    AttentionProblem clean = c.problem();
    int row = clean.queryLen() / 2;
    AttentionProblem dirty = c.problem();
    fillRow(dirty.query(), dirty.headDim(), dirty.queryLen(), row, Double.NaN);
    Row seesSomething =
        (b, h, i) -> {
          for (int j = 0; j < clean.kvLen(); j++) {
            if (i == row && clean.visible(b, h, i, j)) {
              return true;
            }
          }
          return false;
        };
    compare(c, clean, dirty, seesSomething, 0, true);
  }

  static Stream<Arguments> minusInfinityScores() {
    return Stream.of(
            "b1 h2 q20 k300 d1/8 scale(1) weights(softmax) lse",
            "b1 h2 q2 k600 d1/8 scale(1) lse",
            "b1 h2 q2 k2600 d1/8 scale(1) lse",
            "b1 h2 q20 k300 d1/8 scale(-1) lse",
            "b1 h2 q2 k600 d1/8 scale(-1) mask(q,k) lse")
        .flatMap(name -> Stream.of(1, 2, 7).map(period -> Arguments.of(name, period)));
  }

  @ParameterizedTest
  @MethodSource("minusInfinityScores")
  void aKeyWithAScoreOfMinusInfinityWeighsNothing(String name, int period) {
    AttentionCase c = AttentionCase.parse(name);
    Judge.everyTier(c, withMinusInfinityScores(c, period));
  }

  /** Every so many keys score -inf, and have the value 1. */
  private static AttentionProblem withMinusInfinityScores(AttentionCase c, int period) {
    AttentionProblem p = c.problem();
    Arrays.fill(p.query(), 1);
    for (int row = 0; row < p.key().length; row += period) {
      p.key()[row] = p.scale() < 0 ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
      Arrays.fill(p.value(), row * p.valueDim(), (row + 1) * p.valueDim(), 1);
    }
    return p;
  }

  /** Whether a row of the output may be, and for NaN must be, affected. */
  private interface Row {
    boolean affected(int b, int h, int i);
  }

  /** Rows that are affected are so from a column on; everything else keeps its bits. */
  private static void compare(
      AttentionCase c,
      AttentionProblem clean,
      AttentionProblem dirty,
      Row row,
      int column,
      boolean mustShow) {
    try (AttentionCall before = new AttentionCall(c, clean);
        AttentionCall after = new AttentionCall(c, dirty)) {
      Judge.everyTier(
          tier -> {
            float[] expected = before.run(tier.device()).output();
            float[] actual = after.run(tier.device(2)).output();
            int width = clean.valueDim();
            for (int at = 0; at < expected.length; at++) {
              int i = at / width % clean.queryLen();
              int head = at / width / clean.queryLen();
              boolean affected =
                  at % width >= column
                      && row.affected(head / clean.heads(), head % clean.heads(), i);
              if (!affected && expected[at] != actual[at]) {
                fail(c + " on " + tier + ", head " + head + ", query " + i + ": cannot see it");
              }
              if (affected && mustShow && Float.isFinite(actual[at])) {
                fail(c + " on " + tier + ", head " + head + ", query " + i + ": must show it");
              }
            }
          });
    }
  }

  /** Fills row j of every (batch, head) block. */
  private static void fillRow(double[] data, int width, int length, int j, double value) {
    for (int at = j * width; at < data.length; at += length * width) {
      Arrays.fill(data, at, at + width, value);
    }
  }
}
