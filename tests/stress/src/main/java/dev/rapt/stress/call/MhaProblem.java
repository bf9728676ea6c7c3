// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Attention;
import dev.rapt.Device;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/**
 * A call of {@link MultiHeadAttention}, projections and weights included.
 *
 * @param zeros whether a key and value of zeros follow all others
 * @param averaged whether a weights output is the mean over heads
 */
record MhaProblem(
    int heads,
    int kvHeads,
    Attention attention,
    boolean zeros,
    boolean averaged,
    List<Slot> slots,
    long work)
    implements Problem {
  static MhaProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(4) ? 1 : 0;
    long batch = missing > 0 ? 1 : sizes.batch(draw);
    int kvHeads = draw.from(1, 2);
    int heads = kvHeads * draw.from(1, 3);
    long queryLen = draw.oneIn(3) ? 1 : sizes.lengthOrNone(draw);
    long kvLen = sizes.lengthOrNone(draw);
    long width = draw.from(1L, 16L);
    long valueWidth = draw.oneIn(2) ? width : draw.from(1L, 16L);
    long queryIn = sizes.width(draw);
    long keyIn = sizes.width(draw);
    long valueIn = sizes.width(draw);
    boolean projected = draw.oneIn(2);
    long out = projected ? sizes.width(draw) : heads * valueWidth;
    boolean biasKey = draw.oneIn(5);
    boolean zeros = draw.oneIn(5);
    boolean averaged = draw.oneIn(3);
    boolean placed = draw.oneIn(6);
    Slots slots = new Slots(draw, missing);
    slots.exact("query", Role.INPUT, Kind.FLOATS, batch, queryLen, queryIn);
    slots.exact("key", Role.INPUT, Kind.FLOATS, batch, kvLen, keyIn);
    slots.exact("value", Role.INPUT, Kind.FLOATS, batch, kvLen, valueIn);
    slots.exact("output", Role.OUTPUT, Kind.FLOATS, batch, queryLen, out);
    weight(slots, draw, "query", heads * width, queryIn);
    weight(slots, draw, "key", kvHeads * width, keyIn);
    weight(slots, draw, "value", kvHeads * valueWidth, valueIn);
    if (projected) {
      weight(slots, draw, "output", out, heads * valueWidth);
    }
    if (biasKey) {
      slots.whole("biasKey", Role.WEIGHT, Kind.FLOATS, kvHeads * width);
      slots.whole("biasValue", Role.WEIGHT, Kind.FLOATS, kvHeads * valueWidth);
    }
    long[] scores = {batch, heads, queryLen, kvLen};
    ScoreOptions.inputs(slots, draw, placed, scores);
    if (draw.oneIn(6)) {
      slots.broadcast("keyPaddingMask", Kind.BOOL, batch, kvLen);
    }
    if (draw.oneIn(4)) {
      slots.exact("lse", Role.OUTPUT, Kind.F32, batch, heads, queryLen);
    }
    if (draw.oneIn(4)) {
      long seen = kvLen + (biasKey ? 1 : 0) + (zeros ? 1 : 0);
      long[] shape =
          averaged ? new long[] {batch, queryLen, seen} : new long[] {batch, heads, queryLen, seen};
      slots.exact("weights", Role.OUTPUT, Kind.FLOATS, shape);
    }
    long work = batch * heads * (queryLen + 1) * (kvLen + 1) * (width + valueWidth);
    work += batch * (queryLen + kvLen) * heads * (queryIn + keyIn + valueIn + out) * width;
    return new MhaProblem(
        heads,
        kvHeads,
        ScoreOptions.draw(draw, placed, kvLen),
        zeros,
        averaged,
        slots.list(),
        work);
  }

  private static void weight(Slots slots, Draw draw, String name, long out, long in) {
    slots.whole(name + " weight", Role.WEIGHT, Kind.FLOATS, out, in);
    if (draw.oneIn(2)) {
      slots.whole(name + " bias", Role.WEIGHT, Kind.FLOATS, out);
    }
  }

  @Override
  public String operation() {
    return "mha";
  }

  @Override
  public boolean hasWeights() {
    return true;
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> w) {
    MultiHeadAttention.Builder builder =
        MultiHeadAttention.builder(device)
            .heads(heads)
            .kvHeads(kvHeads)
            .query(w.get("query weight"), w.get("query bias"))
            .key(w.get("key weight"), w.get("key bias"))
            .value(w.get("value weight"), w.get("value bias"))
            .zeroAttention(zeros)
            .averageWeights(averaged)
            .attention(attention);
    if (has("output weight")) {
      builder.output(w.get("output weight"), w.get("output bias"));
    }
    if (has("biasKey")) {
      builder.biasKeyValue(w.get("biasKey"), w.get("biasValue"));
    }
    MultiHeadAttention layer = builder.build();
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        layer.run(place, tensors(t));
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return layer.plan(place, tensors(t));
      }

      @Override
      public void close() {
        layer.close();
      }
    };
  }

  private boolean has(String name) {
    return slots.stream().anyMatch(slot -> slot.name().equals(name));
  }

  private static MultiHeadAttentionTensors tensors(Map<String, Tensor> t) {
    return MultiHeadAttentionTensors.builder(
            t.get("query"), t.get("key"), t.get("value"), t.get("output"))
        .mask(t.get("mask"))
        .bias(t.get("bias"))
        .keyPaddingMask(t.get("keyPaddingMask"))
        .alibiSlopes(t.get("alibiSlopes"))
        .sinks(t.get("sinks"))
        .lse(t.get("lse"))
        .weights(t.get("weights"))
        .positions(t.get("positions"))
        .build();
  }
}
