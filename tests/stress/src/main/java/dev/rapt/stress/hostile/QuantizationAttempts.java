// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.DType;
import dev.rapt.Quantization;
import dev.rapt.Tensor;
import dev.rapt.stress.call.Draw;
import dev.rapt.stress.call.Fit;
import dev.rapt.stress.call.Form;
import dev.rapt.stress.call.Kind;
import dev.rapt.stress.call.Placed;
import dev.rapt.stress.call.Role;
import dev.rapt.stress.call.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Tensors that cannot be quantised. */
final class QuantizationAttempts {
  private QuantizationAttempts() {}

  /** What is wrong. */
  private enum Fault {
    NOTHING,
    TYPE,
    RANK,
    SIZE,
    GROUPS,
    CLOSED,
    CONFINED,
    READ_ONLY,
    REPEATED,
    OVERLAPPING,
    MISSING
  }

  private static final int SOURCE = 0;
  private static final int QUANTISED = 1;
  private static final int SCALE = 2;

  static Attempt draw(Draw draw, World world, Arena arena) {
    long rows = draw.from(2L, 5L);
    long width = 2 * draw.from(2L, 6L);
    Slot[] slots = {
      new Slot("source", Role.INPUT, Kind.FLOATS, DType.F32, Fit.EXACT, rows, width),
      new Slot("quantised", Role.OUTPUT, Kind.FLOATS_OR_I8, DType.I8, Fit.EXACT, rows, width),
      new Slot("scale", Role.OUTPUT, Kind.F32, DType.F32, Fit.GROUPED, rows)
    };
    Placed[] placed = new Placed[slots.length];
    Tensor[] t = new Tensor[slots.length];
    for (int i = 0; i < slots.length; i++) {
      placed[i] = Placed.make(slots[i], Form.plain(slots[i].shape()), arena);
      t[i] = placed[i].tensor();
    }
    Fault fault = draw.any(Fault.values());
    int which =
        fault == Fault.READ_ONLY || fault == Fault.REPEATED ? draw.from(1, 2) : draw.from(0, 2);
    Expect expect = spoil(fault, which, draw, world, arena, placed, t);
    return new Attempt(
        "quantization",
        List.of(fault.name()),
        () -> Quantization.symmetric(t[SOURCE], t[QUANTISED], t[SCALE]),
        expect == null ? List.of() : List.of(expect),
        () -> {
          boolean written = !placed[QUANTISED].isUntouched() || !placed[SCALE].isUntouched();
          return expect != null && written ? "written though the call was refused" : null;
        });
  }

  private static Expect spoil(
      Fault fault, int which, Draw draw, World world, Arena arena, Placed[] placed, Tensor[] t) {
    String name = placed[which].slot().name();
    long[] shape = t[which].shape();
    DType dtype = t[which].dtype();
    switch (fault) {
      case NOTHING -> {
        return null;
      }
      case TYPE -> {
        t[which] = Tensor.allocate(arena, draw.any(DType.I32, DType.I64, DType.BOOL), shape);
        return Expect.illegal(name, t[which].toString(), "elements of type");
      }
      case RANK -> {
        t[which] =
            Tensor.allocate(arena, dtype, which == SCALE ? new long[] {1, 1, 1} : new long[] {3});
        return Expect.illegal(t[which].toString());
      }
      case SIZE -> {
        shape[0] += draw.from(1L, 3L);
        t[which] = Tensor.allocate(arena, dtype, shape);
        return Expect.illegal("size").or(t[which].toString(), Long.toString(shape[0]));
      }
      case GROUPS -> {
        long groups = draw.any(0L, shape[0] > 0 ? placed[SOURCE].tensor().size(1) + 1 : 1L);
        t[SCALE] = Tensor.allocate(arena, DType.F32, placed[SOURCE].tensor().size(0), groups);
        return Expect.illegal("scale is " + t[SCALE], groups + " groups");
      }
      case CLOSED -> {
        try (Arena gone = Arena.ofConfined()) {
          t[which] = placed[which].copy(gone).tensor();
        }
        return Expect.of(IllegalStateException.class, name, "already closed");
      }
      case CONFINED -> {
        t[which] = placed[which].over(world.confined);
        return Expect.of(WrongThreadException.class, name, "confined to another thread");
      }
      case READ_ONLY -> {
        t[which] = placed[which].over(placed[which].memory().asReadOnly());
        return Expect.illegal(name, "read-only");
      }
      case REPEATED -> {
        MemorySegment memory = placed[which].memory();
        t[which] = Tensor.of(memory, dtype, shape, new long[shape.length]);
        return Expect.illegal(name, t[which].toString(), "never name an element twice");
      }
      case OVERLAPPING -> {
        t[QUANTISED] = Tensor.of(placed[SOURCE].memory(), DType.I8, t[QUANTISED].shape());
        return Expect.illegal("quantised", "source", "overlaps");
      }
      default -> {
        t[which] = null;
        return Expect.of(NullPointerException.class, name);
      }
    }
  }
}
