// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/** A call of {@link Linear}, packing included. */
record LinearProblem(List<Slot> slots, long work) implements Problem {
  static LinearProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(2) ? 1 : 0;
    long batch = missing > 0 ? 1 : sizes.batch(draw);
    long rows = sizes.lengthOrNone(draw);
    long in = sizes.width(draw);
    long out = sizes.width(draw);
    Slots slots = new Slots(draw, missing);
    slots.exact("input", Role.INPUT, Kind.FLOATS, batch, rows, in);
    slots.exact("output", Role.OUTPUT, Kind.FLOATS, batch, rows, out);
    slots.whole("weight", Role.WEIGHT, Kind.FLOATS, out, in);
    if (draw.oneIn(2)) {
      slots.whole("bias", Role.WEIGHT, Kind.FLOATS, out);
    }
    return new LinearProblem(slots.list(), batch * rows * in * out);
  }

  @Override
  public String operation() {
    return "linear";
  }

  @Override
  public boolean hasWeights() {
    return true;
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> weights) {
    Linear layer = Linear.of(device, weights.get("weight"), weights.get("bias"));
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        layer.run(place, t.get("input"), t.get("output"));
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return layer.plan(place, t.get("input"), t.get("output"));
      }

      @Override
      public void close() {
        layer.close();
      }
    };
  }
}
