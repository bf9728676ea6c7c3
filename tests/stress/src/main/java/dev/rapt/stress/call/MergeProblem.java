// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Device;
import dev.rapt.Merge;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A call of {@link Merge}. */
record MergeProblem(List<Slot> slots, long work) implements Problem {
  static MergeProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(4) ? draw.from(1, 2) : 0;
    long parts = draw.from(1L, 5L);
    long batch = missing > 0 ? 1 : sizes.batch(draw);
    long heads = missing > 1 ? 1 : draw.from(1L, 4L);
    long length = sizes.lengthOrNone(draw);
    long width = sizes.width(draw);
    Slots slots = new Slots(draw, missing);
    long[] whole = slots.without(new long[] {batch, heads, length, width});
    long[] rows = slots.without(new long[] {batch, heads, length});
    slots.whole("partialOutput", Role.INPUT, Kind.FLOATS, inParts(parts, whole));
    slots.whole("partialLse", Role.INPUT, Kind.F32, inParts(parts, rows));
    slots.whole("output", Role.OUTPUT, Kind.FLOATS, whole);
    if (draw.oneIn(2)) {
      slots.whole("lse", Role.OUTPUT, Kind.F32, rows);
    }
    return new MergeProblem(slots.list(), parts * batch * heads * length * width);
  }

  private static long[] inParts(long parts, long[] shape) {
    long[] all = new long[shape.length + 1];
    Arrays.setAll(all, dim -> dim == 0 ? parts : shape[dim - 1]);
    return all;
  }

  @Override
  public String operation() {
    return "merge";
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> weights) {
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        Merge.run(
            place, t.get("partialOutput"), t.get("partialLse"), t.get("output"), t.get("lse"));
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return Merge.plan(
            place, t.get("partialOutput"), t.get("partialLse"), t.get("output"), t.get("lse"));
      }
    };
  }
}
