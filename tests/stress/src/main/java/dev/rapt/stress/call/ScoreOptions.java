// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.WeightsStage;

/** What attention and multi-head attention have in common: how scores become weights. */
final class ScoreOptions {
  private ScoreOptions() {}

  /** Any options; {@code placed} where a tensor says where query 0 stands. */
  static Attention draw(Draw draw, boolean placed, long kvLen) {
    Attention.Builder options = Attention.builder();
    if (draw.oneIn(4)) {
      options.scale(draw.from(-100, 100) * 0.01);
    }
    options.causal(
        placed
            ? draw.any(Causal.NONE, Causal.TOP_LEFT)
            : draw.any(Causal.NONE, Causal.NONE, Causal.TOP_LEFT, Causal.BOTTOM_RIGHT));
    if (!placed && draw.oneIn(6)) {
      options.position(draw.from(-4, kvLen + 4));
    }
    if (draw.oneIn(5)) {
      options.window(draw.from(-1, kvLen), draw.from(-1, kvLen));
    }
    if (draw.oneIn(5)) {
      options.softcap(draw.from(1, 50));
    }
    return options.weightsStage(draw.any(WeightsStage.values())).build();
  }

  /** Any of the optional inputs of scores. */
  static void inputs(Slots slots, Draw draw, boolean placed, long[] scores) {
    long batch = scores[0];
    long heads = scores[1];
    long kvLen = scores[3];
    if (draw.oneIn(4)) {
      slots.broadcast("mask", Kind.BOOL, scores);
    }
    if (draw.oneIn(4)) {
      slots.broadcast("bias", Kind.FLOATS, scores);
    }
    if (draw.oneIn(6)) {
      slots.broadcast("alibiSlopes", Kind.F32, batch, heads);
    }
    if (draw.oneIn(6)) {
      slots.broadcast("sinks", Kind.F32, batch, heads);
    }
    if (placed) {
      slots.positions(batch, -4, kvLen + 4);
    }
  }
}
