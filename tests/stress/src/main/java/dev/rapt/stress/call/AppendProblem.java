// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Append;
import dev.rapt.AppendTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/**
 * A call of {@link Append} with one token, since drawn slots of several could be the same; with or
 * without tables, and into floating-point or quantised caches.
 */
record AppendProblem(Append append, List<Slot> slots, long work) implements Problem {
  static AppendProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(4) ? 1 : 0;
    long heads = draw.from(1L, 4L);
    long width = 2 * Math.max(1, sizes.width(draw) / 2);
    long valueWidth = sizes.width(draw);
    long pages = draw.from(1L, 4L);
    long rows = draw.from(1L, 8L);
    long turning = draw.oneIn(2) ? width : 2 * draw.from(1L, width / 2);
    Slots slots = new Slots(draw, missing);
    slots.exact("key", Role.INPUT, Kind.FLOATS, 1, heads, 1, width);
    slots.exact("value", Role.INPUT, Kind.FLOATS, 1, heads, 1, valueWidth);
    DType dtype = Kind.INDICES.draw(draw);
    long[] shape = slots.without(new long[] {1, 1});
    slots.add(
        new Slot("slots", Role.INPUT, Kind.INDICES, dtype, Fit.EXACT, shape, -1, pages * rows - 1));
    cache(slots, draw, "key", pages, heads, rows, width);
    cache(slots, draw, "value", pages, heads, rows, valueWidth);
    if (draw.oneIn(2)) {
      long table = draw.from(1L, 32L);
      slots.whole("cosine", Role.INPUT, Kind.FLOATS, table, turning / 2);
      slots.whole("sine", Role.INPUT, Kind.FLOATS, table, turning / 2);
      slots.add(
          new Slot("positions", Role.INPUT, Kind.INDICES, dtype, Fit.SHARED, shape, 0, table - 1));
    }
    Append append = Append.builder().interleaved(draw.oneIn(2)).rotaryDim(turning).build();
    return new AppendProblem(append, slots.list(), heads * (width + valueWidth));
  }

  private static void cache(Slots slots, Draw draw, String name, long... shape) {
    DType dtype = draw.oneIn(4) ? DType.I8 : Kind.FLOATS.draw(draw);
    slots.add(new Slot(name + "Cache", Role.OUTPUT, Kind.FLOATS_OR_I8, dtype, Fit.EXACT, shape));
    if (dtype == DType.I8) {
      long[] grouped = shape.clone();
      grouped[3] = shape[3] % 2 == 0 ? draw.any(1L, 2L) : 1;
      long[] rows = draw.oneIn(2) ? grouped : new long[] {shape[0], shape[1], shape[2]};
      slots.as(name + "Scale", Role.OUTPUT, Kind.F32, Fit.GROUPED, rows);
    }
  }

  @Override
  public String operation() {
    return "append";
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> weights) {
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        append.run(place, tensors(t));
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return append.plan(place, tensors(t));
      }
    };
  }

  private static AppendTensors tensors(Map<String, Tensor> t) {
    AppendTensors.Builder builder =
        AppendTensors.builder(
            t.get("key"), t.get("value"), t.get("slots"), t.get("keyCache"), t.get("valueCache"));
    if (t.get("cosine") != null || t.get("sine") != null) {
      builder.tables(new RotaryEmbedding.Tables(t.get("cosine"), t.get("sine")));
    }
    return builder
        .keyScale(t.get("keyScale"))
        .valueScale(t.get("valueScale"))
        .positions(t.get("positions"))
        .build();
  }
}
