// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/** A call of {@link Attention}. */
record SdpaProblem(Attention attention, List<Slot> slots, long work) implements Problem {
  static SdpaProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(4) ? draw.from(1, 2) : 0;
    long batch = missing > 0 ? 1 : sizes.batch(draw);
    long kvHeads = missing > 1 ? 1 : draw.from(1L, 2L);
    long heads = missing > 1 ? 1 : kvHeads * draw.from(1L, 4L);
    long queryLen = draw.oneIn(3) ? 1 : sizes.lengthOrNone(draw);
    long kvLen = sizes.lengthOrNone(draw);
    long width = sizes.width(draw);
    long valueWidth = draw.oneIn(2) ? width : sizes.width(draw);
    boolean placed = draw.oneIn(6);
    long[] scores = {batch, heads, queryLen, kvLen};
    Slots slots = new Slots(draw, missing);
    slots.exact("query", Role.INPUT, Kind.FLOATS, batch, heads, queryLen, width);
    boolean keyScale = keys(slots, draw, "key", batch, kvHeads, kvLen, width);
    boolean valueScale = keys(slots, draw, "value", batch, kvHeads, kvLen, valueWidth);
    slots.exact("output", Role.OUTPUT, Kind.FLOATS, batch, heads, queryLen, valueWidth);
    if (keyScale) {
      scale(slots, draw, "keyScale", batch, kvHeads, kvLen, width);
    }
    if (valueScale) {
      scale(slots, draw, "valueScale", batch, kvHeads, kvLen, valueWidth);
    }
    ScoreOptions.inputs(slots, draw, placed, scores);
    if (draw.oneIn(3)) {
      slots.exact("lse", Role.OUTPUT, Kind.F32, batch, heads, queryLen);
    }
    if (draw.oneIn(4)) {
      slots.exact("weights", Role.OUTPUT, Kind.FLOATS, scores);
    }
    return new SdpaProblem(
        ScoreOptions.draw(draw, placed, kvLen),
        slots.list(),
        batch * heads * queryLen * kvLen * (width + valueWidth));
  }

  /** Keys or values; whether they are bytes. */
  private static boolean keys(Slots slots, Draw draw, String name, long... shape) {
    DType dtype = draw.oneIn(5) ? DType.I8 : Kind.FLOATS.draw(draw);
    slots.add(
        new Slot(name, Role.INPUT, Kind.FLOATS_OR_I8, dtype, Fit.EXACT, slots.without(shape)));
    return dtype == DType.I8;
  }

  private static void scale(Slots slots, Draw draw, String name, long... keys) {
    long[] grouped = keys.clone();
    grouped[3] = keys[3] % 4 == 0 ? draw.any(1L, 2L, 4L) : keys[3] % 2 == 0 ? 2 : 1;
    long[] shape = draw.oneIn(2) ? grouped : new long[] {keys[0], keys[1], keys[2]};
    slots.as(name, Role.INPUT, Kind.F32, Fit.GROUPED, slots.without(shape));
  }

  @Override
  public String operation() {
    return "sdpa";
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> weights) {
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        if (slots.size() == 4) {
          attention.run(place, t.get("query"), t.get("key"), t.get("value"), t.get("output"));
        } else {
          attention.run(place, tensors(t));
        }
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return attention.plan(place, tensors(t));
      }
    };
  }

  private static AttentionTensors tensors(Map<String, Tensor> t) {
    return AttentionTensors.builder(t.get("query"), t.get("key"), t.get("value"), t.get("output"))
        .mask(t.get("mask"))
        .bias(t.get("bias"))
        .alibiSlopes(t.get("alibiSlopes"))
        .sinks(t.get("sinks"))
        .lse(t.get("lse"))
        .weights(t.get("weights"))
        .keyScale(t.get("keyScale"))
        .valueScale(t.get("valueScale"))
        .positions(t.get("positions"))
        .build();
  }
}
