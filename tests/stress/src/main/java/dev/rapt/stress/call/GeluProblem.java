// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Device;
import dev.rapt.Gelu;
import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.util.List;
import java.util.Map;

/** A call of {@link Gelu}. */
record GeluProblem(List<Slot> slots, long work) implements Problem {
  static GeluProblem draw(Draw draw, Sizes sizes) {
    int missing = draw.oneIn(4) ? 1 : 0;
    long batch = missing > 0 ? 1 : sizes.batch(draw);
    long rows = sizes.lengthOrNone(draw);
    long width = sizes.width(draw);
    Slots slots = new Slots(draw, missing);
    slots.exact("input", Role.INPUT, Kind.FLOATS, batch, rows, width);
    slots.exact("output", Role.OUTPUT, Kind.FLOATS, batch, rows, width);
    return new GeluProblem(slots.list(), batch * rows * width);
  }

  @Override
  public String operation() {
    return "gelu";
  }

  @Override
  public Layer on(Device device, Map<String, Tensor> weights) {
    return new Layer() {
      @Override
      public void run(Place place, Map<String, Tensor> t) {
        Gelu.run(place, t.get("input"), t.get("output"));
      }

      @Override
      public Plan plan(Place place, Map<String, Tensor> t) {
        return Gelu.plan(place, t.get("input"), t.get("output"));
      }
    };
  }
}
