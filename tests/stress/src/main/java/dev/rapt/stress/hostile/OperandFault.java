// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.stress.call.Fit;
import dev.rapt.stress.call.Form;
import dev.rapt.stress.call.Kind;
import dev.rapt.stress.call.Placed;
import dev.rapt.stress.call.Role;
import dev.rapt.stress.call.Slot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What may be wrong with a tensor of a call. Each spoils one and says what must come of it. */
enum OperandFault {
  WRONG_TYPE {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      Tensor wrong = visit.put(slot, slot.kind().drawWrong(visit.draw), slot.shape());
      return Expect.illegal(slot.name(), wrong.toString(), "elements of type");
    }
  },

  WRONG_RANK(true) {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      long[] shape = slot.shape();
      boolean shorter = slot.fit() == Fit.EXACT && shape.length > 1 && visit.draw.oneIn(2);
      int rank =
          switch (slot.fit()) {
            case EXACT -> shape.length + (shorter ? -1 : 1);
            case BROADCAST -> MOST_BROADCAST + 1;
            case SHARED, GROUPED -> shape.length + 2;
          };
      Tensor wrong = visit.put(slot, slot.dtype(), OperandFault.ofRank(shape, rank));
      return Expect.illegal(wrong.toString()).or(slot.name());
    }
  },

  WRONG_SIZE(true) {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      int dim = OperandFault.spoilable(visit, slot);
      if (dim < 0) {
        return null;
      }
      long size = slot.shape()[dim];
      long other = visit.draw.any(size + 1, size + 2, 2 * size + 2, size == 0 ? 3 : 0L);
      if (other == 1 && slot.fit() == Fit.BROADCAST) {
        return null;
      }
      long[] shape = slot.shape().clone();
      shape[dim] = other;
      visit.put(slot, slot.dtype(), shape);
      return OperandFault.aboutSize(slot, visit.tensors.get(slot.name()), other);
    }
  },

  /** Strides of 0 make any size out of one element. */
  HUGE(true) {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      int dim = OperandFault.spoilable(visit, slot);
      if (dim < 0 || slot.role() == Role.WEIGHT && visit.problem.operation().equals("mha")) {
        return null;
      }
      long[] shape = slot.shape().clone();
      shape[dim] = visit.draw.any(1L << 31, (1L << 32) + 1, 1L << 40, (1L << 40) + 1, 1L << 50);
      MemorySegment memory = visit.arena.allocate(Long.BYTES, Long.BYTES);
      visit.guard(slot.name(), memory);
      Tensor huge = visit.put(slot, memory, 0, slot.dtype(), shape, new long[shape.length]);
      return OperandFault.aboutSize(slot, huge, shape[dim]);
    }
  },

  CLOSED {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      try (Arena gone = visit.draw.oneIn(16) ? Arena.ofShared() : Arena.ofConfined()) {
        visit.put(slot, of.copy(gone).tensor());
      }
      return Expect.of(IllegalStateException.class, slot.name(), "arena that is already closed");
    }
  },

  CONFINED {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      if (of.memory().byteSize() > World.BYTES) {
        return null;
      }
      visit.put(of.slot(), of.over(visit.world.confined));
      return Expect.of(WrongThreadException.class, of.slot().name(), "confined to another thread");
    }
  },

  READ_ONLY {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      if (!of.slot().written()) {
        return null;
      }
      visit.put(of.slot(), of.over(of.memory().asReadOnly()));
      return Expect.illegal(of.slot().name(), "read-only");
    }
  },

  /** Two indices name one element. */
  REPEATED {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      int dim = OperandFault.longer(visit, slot);
      if (!slot.written() || dim < 0 || of.tensor().elements() == 0) {
        return null;
      }
      Form plain = Form.plain(slot.shape());
      long[] strides = plain.strides();
      strides[dim] = 0;
      MemorySegment memory = visit.arena.allocate(plain.elements() * slot.dtype().bytes(), 64);
      visit.guard(slot.name(), memory);
      Tensor wrong = visit.put(slot, memory, 0, slot.dtype(), slot.shape(), strides);
      return Expect.illegal(slot.name(), wrong.toString(), "never name an element twice");
    }
  },

  OVERLAPPING {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Placed other = visit.any(visit.draw.oneIn(2) ? Role.INPUT : Role.OUTPUT);
      if (other == null
          || !of.slot().written()
          || other == of
          || of.tensor().elements() == 0
          || other.tensor().elements() == 0) {
        return null;
      }
      Slot slot = of.slot();
      long bytes = other.tensor().elements() * other.slot().dtype().bytes();
      long last = (bytes - 1) / slot.dtype().bytes();
      // An output may be the input itself where the operation works in place.
      long first = IN_PLACE.contains(visit.problem.operation()) ? 1 : 0;
      if (last < first) {
        return null;
      }
      long at = visit.draw.from(first, last);
      long room = bytes + (of.tensor().elements() + 1) * slot.dtype().bytes();
      MemorySegment memory = visit.arena.allocate(room, 64);
      visit.guard(slot.name() + " and " + other.slot().name(), memory);
      visit.put(
          other.slot(),
          memory,
          0,
          other.slot().dtype(),
          other.slot().shape(),
          Form.plain(other.slot().shape()).strides());
      Tensor output =
          visit.put(
              slot, memory, at, slot.dtype(), slot.shape(), Form.plain(slot.shape()).strides());
      return Expect.illegal(slot.name(), other.slot().name(), "overlaps", output.toString());
    }
  },

  MISSING {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      boolean needed =
          switch (slot.name()) {
            case "query", "key", "value", "output", "input", "cosine", "sine" -> true;
            case "partialOutput", "partialLse", "weight", "biasKey", "biasValue" -> true;
            default -> slot.name().endsWith(" weight");
          };
      if (!needed) {
        return null;
      }
      visit.put(slot, null);
      return Expect.of(NullPointerException.class, slot.name());
    }
  },

  /** Bytes without a scale, and a scale without bytes. */
  UNSCALED {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      if (slot.kind() != Kind.FLOATS_OR_I8) {
        return null;
      }
      DType other = slot.dtype() == DType.I8 ? DType.F32 : DType.I8;
      Tensor wrong = visit.put(slot, other, slot.shape());
      return Expect.illegal(
          slot.name().replace("Cache", "") + "Scale", "because " + slot.name() + " is " + wrong);
    }
  },

  /** A position outside the tables, or a slot outside the cache, which only a run can see. */
  OUTSIDE {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      String rows = INDEXED.get(visit.problem.operation());
      if (rows == null
          || slot.kind() != Kind.INDICES
          || visit.memory.tensors().get(rows).elements() == 0) {
        return null;
      }
      Form plain = Form.plain(slot.shape());
      MemorySegment memory = visit.arena.allocate(plain.elements() * slot.dtype().bytes(), 64);
      Tensor positions = visit.put(slot, memory, 0, slot.dtype(), slot.shape(), plain.strides());
      long least = slot.least() - 1;
      long wrong =
          slot.dtype() == DType.I32
              ? visit.draw.any(least, slot.most() + 1, -1L << 31, (1L << 31) - 1)
              : visit.draw.any(least, slot.most() + 1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 32);
      long[] index = new long[positions.rank()];
      Arrays.setAll(index, dim -> visit.draw.from(0, positions.size(dim) - 1));
      positions.setLong(wrong, index);
      visit.guard(slot.name(), memory);
      return Expect.illegal(slot.name(), Long.toString(wrong));
    }
  },

  ON_DEVICE {
    @Override
    @Nullable Expect spoil(Visit visit, Placed of) {
      Slot slot = of.slot();
      // Two would lie in the same memory, and overlap.
      if (visit.world.onDevice == null || visit.hasDeviceTensor()) {
        return null;
      }
      Tensor there = visit.world.onDevice.tensor(slot.dtype(), slot.shape());
      visit.put(slot, there);
      return Expect.illegal(slot.name(), there.toString(), "host memory");
    }
  };

  /** Operations that refuse indices, each with the tensor that has a row for every index. */
  private static final Map<String, String> INDEXED = Map.of("rope", "input", "append", "key");

  private static final Set<String> IN_PLACE = Set.of("rope", "gelu", "norm");

  /** No operand that broadcasts has more dimensions. */
  private static final int MOST_BROADCAST = 4;

  private final boolean ofShape;

  OperandFault() {
    this(false);
  }

  OperandFault(boolean ofShape) {
    this.ofShape = ofShape;
  }

  /** Spoils a tensor; null where that does not apply to it. */
  abstract @Nullable Expect spoil(Visit visit, Placed of);

  /** Two wrong shapes may fit each other, and be right; so a call has one of them at most. */
  boolean isOfShape() {
    return ofShape;
  }

  /** A dimension in which no other size is right; -1 = there is none. */
  private static int spoilable(Visit visit, Slot slot) {
    int dim = visit.draw.from(0, slot.shape().length - 1);
    return switch (slot.fit()) {
      case EXACT, SHARED -> dim;
      case GROUPED -> 0;
      case BROADCAST -> slot.shape()[dim] == 1 ? -1 : dim;
    };
  }

  /** A dimension of more than one element; -1 = there is none. */
  private static int longer(Visit visit, Slot slot) {
    int dim = visit.draw.from(0, slot.shape().length - 1);
    return slot.shape()[dim] > 1 ? dim : -1;
  }

  /**
   * Whose size is wrong is a matter of order: the message names this tensor, as the one at fault or
   * as the one that said how large the other must be, and the size. Weights decide on sizes that
   * have words of their own.
   */
  private static Expect aboutSize(Slot slot, Tensor wrong, long size) {
    return slot.role() == Role.WEIGHT
        ? Expect.illegal("allowed")
        : Expect.illegal(slot.name()).or(wrong.toString(), Long.toString(size));
  }

  private static long[] ofRank(long[] shape, int rank) {
    long[] other = new long[rank];
    Arrays.fill(other, 1);
    int kept = Math.min(rank, shape.length);
    System.arraycopy(shape, shape.length - kept, other, rank - kept, kept);
    return other;
  }
}
