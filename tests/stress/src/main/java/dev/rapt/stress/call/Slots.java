// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Collects the tensors of a call. */
final class Slots {
  private final Draw draw;
  private final int missing;
  private final List<Slot> slots = new ArrayList<>();

  /** For a call whose tensors lack the first {@code missing} dimensions. */
  Slots(Draw draw, int missing) {
    this.draw = draw;
    this.missing = missing;
  }

  List<Slot> list() {
    return List.copyOf(slots);
  }

  /** A tensor with exactly these dimensions, less those that the call's tensors lack. */
  Slots exact(String name, Role role, Kind kind, long... shape) {
    return as(name, role, kind, Fit.EXACT, without(shape));
  }

  /** A tensor with exactly these dimensions. */
  Slots whole(String name, Role role, Kind kind, long... shape) {
    return as(name, role, kind, Fit.EXACT, shape);
  }

  /** A tensor of any of its kind's types. */
  Slots as(String name, Role role, Kind kind, Fit fit, long... shape) {
    return add(new Slot(name, role, kind, kind.draw(draw), fit, shape));
  }

  Slots add(Slot slot) {
    slots.add(slot);
    return this;
  }

  /** An input that broadcasts to the full shape: lower ranks, and sizes of 1. */
  Slots broadcast(String name, Kind kind, long... full) {
    return as(name, Role.INPUT, kind, Fit.BROADCAST, narrowed(full));
  }

  private long[] narrowed(long[] full) {
    int first = draw.from(0, full.length - 1);
    long[] shape = Arrays.copyOfRange(full, first, full.length);
    for (int dim = 0; dim < shape.length; dim++) {
      shape[dim] = draw.oneIn(3) ? 1 : shape[dim];
    }
    return shape;
  }

  /** I32 or I64 positions that broadcast to (B). */
  Slots positions(long batch, long least, long most) {
    DType dtype = Kind.INDICES.draw(draw);
    long[] shape = narrowed(new long[] {batch});
    return add(
        new Slot("positions", Role.INPUT, Kind.INDICES, dtype, Fit.BROADCAST, shape, least, most));
  }

  long[] without(long[] shape) {
    return Arrays.copyOfRange(shape, missing, shape.length);
  }
}
