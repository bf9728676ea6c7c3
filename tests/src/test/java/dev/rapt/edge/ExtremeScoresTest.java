// SPDX-License-Identifier: Apache-2.0
package dev.rapt.edge;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.check.AttentionCall;
import dev.rapt.check.AttentionCall.Actual;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Judge;
import dev.rapt.check.Tier;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Scores far from zero: no finite sentinel, clamp or seed of the maximum may show. */
class ExtremeScoresTest {

  @ParameterizedTest
  @ValueSource(doubles = {-50, -1e4, -5e4, -1e5, -2.45e5, -1e30, 1e4, 2.45e5, 1e30})
  void rowsWhoseScoresAreAllExtreme(double level) {
    for (String name :
        new String[] {
          "b1 h2 q20 k300 d1/8 scale(1) weights(softmax) lse",
          "b1 h2 q2 k600 d1/8 scale(1) weights(softmax) lse",
          "b1 h2 q20 k300 d1/8 scale(1) causal(top) mask(k) lse",
          "b1 h2 q2 k600 d1/8 scale(1) mask(k) lse"
        }) {
      AttentionCase c = AttentionCase.parse(name);
      // The same maximum in every tile, and a maximum that every tile moves.
      for (int period : new int[] {37, 1000}) {
        AttentionProblem p = c.problem();
        Arrays.fill(p.query(), 1);
        for (int i = 0; i < p.key().length; i++) {
          // Steps of an eighth are exact up to 2^20, so the only error is that of the softmax.
          p.key()[i] = (float) level + i % p.kvLen() % period / 8f;
        }
        Judge.everyTier(c, p);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q20 k300 d1/4 scale(1) weights(softmax) lse",
        "b1 h2 q2 k600 d1/4 scale(1) weights(softmax) lse"
      })
  void scoresFarBelowTheMaximumWeighNothing(String name) {
    AttentionCase c = AttentionCase.parse(name);
    AttentionProblem p = c.problem();
    Arrays.fill(p.query(), 1);
    for (int i = 0; i < p.key().length; i++) {
      p.key()[i] = i % p.kvLen() == 100 ? 0 : -2000;
    }
    try (AttentionCall call = new AttentionCall(c, p)) {
      for (Tier tier : Tier.usable()) {
        Actual actual = call.run(tier.device());
        for (int i = 0; i < actual.weights().length; i++) {
          assertEquals(i % p.kvLen() == 100 ? 1f : 0f, actual.weights()[i], tier + " weight " + i);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q20 k300 d16 mask(q,k) density(0.3) weights(softmax) lse",
        "b1 h2 q2 k600 d16 mask(q,k) density(0.3) weights(softmax) lse",
        "b1 h2 q20 k300 d16 causal(bottom) window(9,0) weights(softmax) lse"
      })
  void maskedWeightsAreExactlyZero(String name) {
    AttentionCase c = AttentionCase.parse(name);
    AttentionProblem p = c.problem();
    try (AttentionCall call = new AttentionCall(c, p)) {
      for (Tier tier : Tier.usable()) {
        float[] weights = call.run(tier.device()).weights();
        int at = 0;
        for (int h = 0; h < p.heads(); h++) {
          for (int i = 0; i < p.queryLen(); i++) {
            for (int j = 0; j < p.kvLen(); j++, at++) {
              boolean visible = p.visible(0, h, i, j);
              assertTrue(visible || weights[at] == 0, tier + " weight " + at + " is masked");
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h1 q1 k513 d128",
        "b1 h1 q1 k1000 d128",
        "b1 h4/1 q1 k4097 d64",
        "b1 h1 q1 k1000 d80 dtype(f16,f16,f16,f32)",
        "b1 h1 q20 k1000 d128"
      })
  void aMeanOfEqualValuesIsThatValue(String name) {
    // Every addition to a long sum rounds the same way here, unlike those to the sum of the
    // weights.
    AttentionCase c = AttentionCase.parse(name);
    AttentionProblem p = c.problem();
    Arrays.fill(p.query(), 1);
    Arrays.fill(p.value(), -1);
    for (int level = 1; level <= 6; level++) {
      for (int i = 0; i < p.key().length; i++) {
        p.key()[i] = i / p.headDim() == 3 ? 0 : -level / 64f;
      }
      try (AttentionCall call = new AttentionCall(c, p)) {
        for (Tier tier : Tier.usable()) {
          for (float output : call.run(tier.device()).output()) {
            assertEquals(-1, output, 0x1p-19, tier + ", level " + level);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"b1 h2 q20 k300 d64 spread(60) lse", "b1 h2/1 q2 k600 d64 spread(60) lse"})
  void aRisingMaximumRescalesWhatWasSummed(String name) {
    AttentionCase c = AttentionCase.parse(name);
    AttentionProblem p = c.problem();
    int d = p.headDim();
    for (int row = 0; row < p.key().length / d; row++) {
      for (int column = 0; column < d; column++) {
        // Later keys score higher, so that every tile moves the maximum.
        p.key()[row * d + column] = column == 0 ? row % p.kvLen() / 64f : 0;
      }
    }
    for (int i = 0; i < p.query().length; i += d) {
      p.query()[i] = 64;
    }
    Judge.everyTier(c, p);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "b1 h2 q20 k70 d16 scale(-1) lse",
        "b1 h2/1 q1 k700 d16 scale(-1) causal(bottom) lse",
        "b1 h2 q20 k70 d16 scale(1e-38) lse",
        "b1 h2 q20 k70 d16 scale(1e-42) lse",
        "b1 h2 q20 k70 d16 scale(3.4e38) spread(1e-38) lse",
        "b1 h2 q20 k70 d16 scale(3.4e38) spread(1e-38) dtype(bf16) lse",
        "b1 h2/1 q2 k700 d16 scale(3.4e38) spread(1e-38) dtype(bf16) lse",
        "b1 h2 q20 k70 d16 scale(3.4e38) spread(1e-38) weights(softmax) lse",
        "b1 h2/1 q1 k1300 d16 scale(3.4e38) spread(1e-38) sinks(h) lse",
        "b1 h2 q20 k70 d16 scale(0) mask(q,k) weights(softmax) lse"
      })
  void scaleNegativeTinyHugeAndZero(String name) {
    Judge.everyTier(name);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-100, -30, 0, 30, 100, Double.NEGATIVE_INFINITY})
  void sinkFarAboveAndBelowTheScores(double sink) {
    for (String name :
        new String[] {
          "b1 h2 q20 k70 d16 sinks(h) weights(softmax) lse", "b1 h2 q1 k700 d16 sinks(h) lse"
        }) {
      AttentionCase c = AttentionCase.parse(name);
      AttentionProblem p = c.problem();
      Arrays.fill(p.sinks(), (float) sink);
      Judge.everyTier(c, p);
    }
  }
}
