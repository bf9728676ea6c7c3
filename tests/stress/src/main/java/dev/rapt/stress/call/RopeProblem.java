// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/** A call of {@link RotaryEmbedding}, by positions or with a row of the tables for each token. */
record RopeProblem(RotaryEmbedding rope, List<Slot> slots, long work) implements Problem {
  static RopeProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(4) ? draw.from(1, 2) : 0;
    long batch = missing > 0 ? 1 : sizes.batch(draw);
    long heads = missing > 1 ? 1 : draw.from(1L, 4L);
    long length = sizes.lengthOrNone(draw);
    long width = 2 * Math.max(1, sizes.width(draw) / 2);
    long turning = draw.oneIn(2) ? width : 2 * draw.from(1L, width / 2);
    RotaryEmbedding rope =
        RotaryEmbedding.builder().interleaved(draw.oneIn(2)).rotaryDim(turning).build();
    Slots slots = new Slots(draw, missing);
    slots.exact("input", Role.INPUT, Kind.FLOATS, batch, heads, length, width);
    slots.exact("output", Role.OUTPUT, Kind.FLOATS, batch, heads, length, width);
    boolean shared = missing > 0 || draw.oneIn(2);
    if (draw.oneIn(2)) {
      long rows = draw.from(1L, 32L);
      slots.whole("cosine", Role.INPUT, Kind.FLOATS, rows, turning / 2);
      slots.whole("sine", Role.INPUT, Kind.FLOATS, rows, turning / 2);
      DType dtype = Kind.INDICES.draw(draw);
      long[] shape = shared ? new long[] {length} : new long[] {batch, length};
      slots.add(
          new Slot("positions", Role.INPUT, Kind.INDICES, dtype, Fit.SHARED, shape, 0, rows - 1));
    } else {
      long[] shape =
          shared ? new long[] {length, turning / 2} : new long[] {batch, length, turning / 2};
      slots.as("cosine", Role.INPUT, Kind.FLOATS, Fit.SHARED, shape);
      slots.as("sine", Role.INPUT, Kind.FLOATS, Fit.SHARED, shape);
    }
    return new RopeProblem(rope, slots.list(), batch * heads * length * width);
  }

  @Override
  public String operation() {
    return "rope";
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> weights) {
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        rope.run(place, t.get("input"), tables(t), t.get("positions"), t.get("output"));
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return rope.plan(place, t.get("input"), tables(t), t.get("positions"), t.get("output"));
      }
    };
  }

  private static RotaryEmbedding.Tables tables(Map<String, Tensor> t) {
    return new RotaryEmbedding.Tables(t.get("cosine"), t.get("sine"));
  }
}
