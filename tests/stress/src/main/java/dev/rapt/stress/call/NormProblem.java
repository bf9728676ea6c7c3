// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Device;
import dev.rapt.LayerNorm;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/** A call of {@link LayerNorm}, with or without residual and bias. */
record NormProblem(LayerNorm norm, List<Slot> slots, long work) implements Problem {
  static NormProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(4) ? 1 : 0;
    long batch = missing > 0 ? 1 : sizes.batch(draw);
    long rows = sizes.lengthOrNone(draw);
    long width = sizes.width(draw);
    Slots slots = new Slots(draw, missing);
    slots.exact("input", Role.INPUT, Kind.FLOATS, batch, rows, width);
    slots.whole("weight", Role.INPUT, Kind.FLOATS, width);
    slots.exact("output", Role.OUTPUT, Kind.FLOATS, batch, rows, width);
    if (draw.oneIn(2)) {
      slots.exact("residual", Role.INPUT, Kind.FLOATS, batch, rows, width);
    }
    if (draw.oneIn(2)) {
      slots.whole("bias", Role.INPUT, Kind.FLOATS, width);
    }
    LayerNorm norm = LayerNorm.of(draw.oneIn(2) ? 1e-5 : 1e-3);
    return new NormProblem(norm, slots.list(), 2 * batch * rows * width);
  }

  @Override
  public String operation() {
    return "norm";
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> weights) {
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        norm.run(
            place,
            t.get("input"),
            t.get("residual"),
            t.get("weight"),
            t.get("bias"),
            t.get("output"));
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return norm.plan(
            place,
            t.get("input"),
            t.get("residual"),
            t.get("weight"),
            t.get("bias"),
            t.get("output"));
      }
    };
  }
}
