// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.stress.call.Draw;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Views that are none, and elements that are not there or do not fit. */
final class ElementAttempts {
  private static final long[] SHAPE = {2, 3, 4};
  private static final int ELEMENTS = 24;

  private ElementAttempts() {}

  private static final String KIND = "elements";

  /** What is wrong. */
  private enum Fault {
    NOTHING,
    PERMUTATION,
    SLICE,
    SELECT,
    RESHAPE,
    EXPAND,
    DIMENSION,
    INDEX,
    READ_TYPE,
    WRITE_TYPE,
    READ_ONLY,
    CLOSED,
    CONFINED,
    LENGTH,
    MISFIT,
    RANGE,
    COPY_SHAPE,
    REPEATED
  }

  static Attempt draw(Draw draw, World world, Arena arena) {
    Fault fault = draw.any(Fault.values());
    Tensor floats = Tensor.allocate(arena, DType.F32, SHAPE);
    return switch (fault) {
      case NOTHING -> new Attempt(KIND, fault, () -> reach(draw, floats));
      case PERMUTATION, SLICE, SELECT, RESHAPE, EXPAND, DIMENSION, INDEX ->
          view(fault, draw, floats);
      case READ_TYPE -> {
        DType dtype = draw.any(DType.F32, DType.F16, DType.BOOL, DType.I64);
        Tensor tensor = Tensor.allocate(arena, dtype, SHAPE);
        Runnable read =
            dtype == DType.I64 || draw.oneIn(2) ? tensor::toByteArray : tensor::toIntArray;
        yield new Attempt(
            KIND, fault, read, Expect.of(UnsupportedOperationException.class, tensor.toString()));
      }
      case WRITE_TYPE -> {
        DType dtype = draw.any(DType.I32, DType.I64);
        Tensor tensor = Tensor.allocate(arena, dtype, SHAPE);
        yield refused(
            fault,
            draw.any(
                () -> tensor.set(1, 0, 0, 0),
                () -> tensor.fill(1),
                () -> tensor.copyFrom(new float[ELEMENTS]),
                () -> tensor.setBoolean(true, 0, 0, 0)),
            tensor,
            Expect.of(UnsupportedOperationException.class, tensor.toString()));
      }
      case READ_ONLY -> {
        Tensor tensor = Tensor.of(floats.segment().asReadOnly(), DType.F32, SHAPE);
        yield refused(fault, write(draw, tensor), floats, Expect.illegal("read-only"));
      }
      case CLOSED -> {
        Tensor tensor;
        try (Arena gone = Arena.ofConfined()) {
          tensor = Tensor.allocate(gone, DType.F32, SHAPE);
        }
        yield new Attempt(
            KIND,
            fault,
            draw.oneIn(2) ? write(draw, tensor) : () -> reach(draw, tensor),
            Expect.of(IllegalStateException.class, "already closed"));
      }
      case CONFINED -> {
        Tensor tensor = Tensor.of(world.confined, DType.F32, SHAPE);
        yield new Attempt(
            KIND,
            fault,
            draw.oneIn(2) ? write(draw, tensor) : () -> reach(draw, tensor),
            Expect.of(WrongThreadException.class, "confined to another thread"));
      }
      case LENGTH -> {
        int length = draw.any(0, ELEMENTS - 1, ELEMENTS + 1);
        yield refused(
            fault,
            () -> floats.copyFrom(new float[length]),
            floats,
            Expect.illegal("data has " + length, floats.toString()));
      }
      case MISFIT -> {
        Tensor bytes = Tensor.allocate(arena, DType.I8, SHAPE);
        float value = draw.any(0.5f, 128f, -129f, Float.NaN, Float.POSITIVE_INFINITY, 1e30f);
        float[] data = new float[ELEMENTS];
        data[draw.from(0, ELEMENTS - 1)] = value;
        yield refused(
            fault,
            draw.any(
                () -> bytes.set(value, 1, 1, 1),
                () -> bytes.fill(value),
                () -> bytes.copyFrom(data)),
            bytes,
            Expect.illegal(Float.toString(value), "I8"));
      }
      case RANGE -> {
        DType dtype = draw.any(DType.I8, DType.I32);
        Tensor integers = Tensor.allocate(arena, dtype, SHAPE);
        long value = draw.any(1L << 31, -(1L << 31) - 1, Long.MAX_VALUE, Long.MIN_VALUE);
        long[] data = new long[ELEMENTS];
        data[draw.from(0, ELEMENTS - 1)] = value;
        yield refused(
            fault,
            draw.any(
                () -> integers.setLong(value, 1, 1, 1),
                () -> integers.fillLong(value),
                () -> integers.copyFrom(data)),
            integers,
            Expect.illegal(Long.toString(value), dtype.name()));
      }
      case COPY_SHAPE -> {
        Tensor other = Tensor.allocate(arena, DType.F16, 3, 2, 4);
        yield refused(
            fault,
            () -> floats.copyFrom(other),
            floats,
            Expect.illegal("source is " + other, "(2, 3, 4)"));
      }
      case REPEATED -> {
        Tensor repeated = Tensor.allocate(arena, DType.F32, 1, 4).expand(3, 4);
        yield refused(
            fault,
            draw.any(
                () -> repeated.copyFrom(new float[12]),
                () -> repeated.copyFrom(Tensor.allocate(arena, DType.F32, 3, 4))),
            repeated,
            Expect.illegal(repeated.toString(), "never name an element twice"));
      }
    };
  }

  private static Attempt view(Fault fault, Draw draw, Tensor tensor) {
    String text = tensor.toString();
    int dim = draw.any(-1, 3, Integer.MAX_VALUE, Integer.MIN_VALUE);
    long beyond = draw.any(-1L, 5L, Long.MAX_VALUE, Long.MIN_VALUE);
    return switch (fault) {
      case PERMUTATION -> {
        int[] dims =
            draw.any(new int[0], new int[] {0, 1}, new int[] {0, 1, 1}, new int[] {0, 1, dim});
        yield new Attempt(
            KIND, fault, () -> tensor.permute(dims), Expect.illegal("dims", "0 to 2 once"));
      }
      case SLICE -> {
        long from = draw.any(-1L, 3L, 2L);
        long to = from == 2 ? 1 : draw.any(5L, Long.MAX_VALUE, 2L);
        yield new Attempt(
            KIND,
            fault,
            () -> tensor.slice(0, from, to),
            Expect.illegal("slice " + from + " to " + to, "0 <= from <= to <= 2"));
      }
      case SELECT ->
          draw.oneIn(2)
              ? new Attempt(
                  KIND,
                  fault,
                  () -> tensor.select(dim, 0),
                  Expect.illegal("dimension " + dim, text))
              : new Attempt(
                  KIND, fault, () -> tensor.select(0, beyond), Expect.illegal("index " + beyond));
      case RESHAPE -> {
        long[] shape = draw.any(new long[] {5, 5}, new long[] {0}, new long[] {1L << 32, 1L << 30});
        yield new Attempt(
            KIND, fault, () -> tensor.reshape(shape), Expect.illegal("elements of " + text));
      }
      case EXPAND -> {
        long[] shape = draw.any(new long[] {4}, new long[] {2, 3, 5}, new long[] {2, 2, 3, 0});
        yield new Attempt(
            KIND, fault, () -> tensor.expand(shape), Expect.illegal("broadcast of " + text));
      }
      case DIMENSION ->
          new Attempt(
              KIND,
              fault,
              draw.oneIn(2) ? () -> tensor.size(dim) : () -> tensor.stride(dim),
              Expect.of(IndexOutOfBoundsException.class, Integer.toString(dim)));
      default -> {
        long[] index = draw.any(new long[] {0, 0}, new long[] {0, 0, beyond}, new long[] {2, 0, 0});
        yield refused(
            fault,
            draw.any(() -> tensor.get(index), () -> tensor.set(1, index)),
            tensor,
            Expect.of(IndexOutOfBoundsException.class, "index", text));
      }
    };
  }

  /** Reads that are right. */
  private static void reach(Draw draw, Tensor tensor) {
    switch (draw.from(0, 2)) {
      case 0 -> tensor.get(1, 2, 3);
      case 1 -> tensor.toFloatArray();
      default -> tensor.contiguousCopy(Arena.ofAuto());
    }
  }

  private static Runnable write(Draw draw, Tensor tensor) {
    return draw.any(
        () -> tensor.set(1, 0, 0, 0),
        () -> tensor.fill(1),
        () -> tensor.copyFrom(new float[ELEMENTS]));
  }

  /** Whose memory must stay all zero. */
  private static Attempt refused(Fault fault, Runnable call, Tensor untouched, Expect expect) {
    MemorySegment memory = untouched.segment();
    return new Attempt(
        KIND,
        List.of(fault.name()),
        call,
        List.of(expect),
        () -> {
          for (long at = 0; at < memory.byteSize(); at++) {
            if (memory.get(ValueLayout.JAVA_BYTE, at) != 0) {
              return "an element was written though the call was refused";
            }
          }
          return null;
        });
  }
}
