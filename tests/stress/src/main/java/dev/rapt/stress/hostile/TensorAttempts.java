// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.stress.call.Draw;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** Tensors that cannot be made: of shapes, strides and memory that do not go together. */
final class TensorAttempts {
  private static final long[] HUGE = {
    1L << 31, 1L << 32, (1L << 32) + 1, 1L << 40, 1L << 61, 1L << 62, Long.MAX_VALUE
  };
  private static final long BYTES = 256;

  private TensorAttempts() {}

  private static final String KIND = "tensor";

  /** What is wrong. */
  private enum Fault {
    NOTHING,
    NO_ELEMENTS,
    NULL,
    RANK,
    NEGATIVE_SIZE,
    PRODUCT,
    BEYOND,
    STRIDES_RANK,
    HUGE_STRIDE,
    OFFSET,
    HEAP,
    CLOSED,
    MISALIGNED,
    TOO_MANY_BYTES,
    ARRAY_LENGTH,
    ARRAY_TYPE
  }

  static Attempt draw(Draw draw, World world, Arena arena) {
    Fault fault = draw.any(Fault.values());
    DType dtype = draw.any(DType.values());
    long[] shape = shape(draw);
    MemorySegment memory = arena.allocate(BYTES, 64);
    return switch (fault) {
      case NOTHING -> new Attempt(KIND, fault, () -> Tensor.of(memory, dtype, shape));
      case NO_ELEMENTS -> {
        long[] empty = with(shape, draw, 0);
        long[] large = Arrays.copyOf(empty, empty.length + 1);
        large[empty.length] = draw.any(HUGE);
        yield new Attempt(KIND, fault, () -> Tensor.allocate(arena, dtype, large));
      }
      case NULL -> nullArgument(fault, draw, memory, shape);
      case RANK -> {
        long[] wrong = new long[draw.oneIn(2) ? 0 : draw.from(9, 12)];
        Arrays.fill(wrong, 1);
        yield new Attempt(
            KIND,
            fault,
            make(draw, arena, memory, dtype, wrong),
            Expect.illegal("rank " + wrong.length));
      }
      case NEGATIVE_SIZE -> {
        long size = draw.any(-1L, -2L, -1L << 31, Long.MIN_VALUE);
        long[] wrong = with(shape, draw, size);
        yield new Attempt(
            KIND, fault, make(draw, arena, memory, dtype, wrong), Expect.illegal("size " + size));
      }
      case PRODUCT -> {
        long[] wrong = {draw.any(1L << 32, 1L << 40, 1L << 62), draw.from(2L, 9L), 1L << 31};
        yield new Attempt(
            KIND,
            fault,
            make(draw, arena, memory, dtype, wrong),
            Expect.illegal("2^63 - 1 elements", Long.toString(wrong[0])));
      }
      case BEYOND -> {
        long[] wrong = {draw.from(BYTES + 1, BYTES * 8)};
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.of(memory, dtype, wrong),
            Expect.illegal("does not lie in memory", "(" + wrong[0] + ")"));
      }
      case STRIDES_RANK -> {
        long[] strides = new long[shape.length + 1];
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.of(memory, dtype, shape, strides),
            Expect.illegal("strides", "rank of shape"));
      }
      case HUGE_STRIDE -> {
        long[] strides = {1, draw.oneIn(2) ? draw.any(HUGE) : -draw.any(HUGE)};
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.of(memory, dtype, new long[] {2, draw.from(2L, 9L)}, strides),
            Expect.illegal("does not lie in memory", Long.toString(strides[1])));
      }
      case OFFSET -> {
        long offset = draw.any(-1L, BYTES, 1L << 62, Long.MAX_VALUE, Long.MIN_VALUE);
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.of(memory, offset, dtype, new long[] {2}, new long[] {1}),
            Expect.illegal("does not lie in memory", "offset " + offset));
      }
      case HEAP -> {
        MemorySegment heap = MemorySegment.ofArray(new long[(int) BYTES]);
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.of(heap, dtype, shape),
            Expect.illegal("segment", "Java heap"));
      }
      case CLOSED -> {
        MemorySegment gone;
        try (Arena closed = Arena.ofConfined()) {
          gone = closed.allocate(BYTES, 64);
        }
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.of(gone, dtype, shape),
            Expect.of(IllegalStateException.class, "closed"));
      }
      case MISALIGNED -> {
        DType wide = draw.any(DType.F32, DType.F16, DType.BF16, DType.I32, DType.I64);
        MemorySegment odd = memory.asSlice(draw.from(1, wide.bytes() - 1));
        yield new Attempt(
            KIND, fault, () -> Tensor.of(odd, wide, 1), Expect.illegal("misaligned", wide.name()));
      }
      case TOO_MANY_BYTES -> {
        DType wide = draw.any(DType.F32, DType.I32, DType.I64);
        long[] wrong = {draw.any(1L << 61, 1L << 62, Long.MAX_VALUE)};
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.allocate(arena, wide, wrong),
            Expect.illegal("2^63 - 1 bytes", Long.toString(wrong[0])));
      }
      case ARRAY_LENGTH -> {
        float[] data = new float[draw.from(0, 5)];
        long[] wrong = {data.length + draw.from(1L, 9L)};
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.copyOf(arena, data, wrong),
            Expect.illegal("data has " + data.length, "(" + wrong[0] + ")"));
      }
      case ARRAY_TYPE -> {
        DType wrong = draw.any(DType.I32, DType.I64);
        yield new Attempt(
            KIND,
            fault,
            () -> Tensor.copyOf(arena, wrong, new float[3], 3),
            Expect.of(UnsupportedOperationException.class, wrong.name()));
      }
    };
  }

  private static Attempt nullArgument(Fault fault, Draw draw, MemorySegment memory, long[] shape) {
    long[] strides = new long[shape.length];
    return draw.any(
        List.of(
                missing(fault, "segment", () -> Tensor.of(null, DType.F32, shape)),
                missing(fault, "dtype", () -> Tensor.of(memory, null, shape)),
                missing(fault, "shape", () -> Tensor.of(memory, DType.F32, (long[]) null)),
                missing(fault, "strides", () -> Tensor.of(memory, DType.F32, shape, null)),
                missing(fault, "shape", () -> Tensor.of(memory, DType.F32, null, strides)),
                missing(fault, "arena", () -> Tensor.allocate(null, DType.F32, shape)))
            .toArray(Attempt[]::new));
  }

  private static Attempt missing(Fault fault, String name, Runnable call) {
    return new Attempt(KIND, fault, call, Expect.of(NullPointerException.class, name));
  }

  private static Runnable make(
      Draw draw, Arena arena, MemorySegment memory, DType dtype, long[] shape) {
    return switch (draw.from(0, 2)) {
      case 0 -> () -> Tensor.of(memory, dtype, shape);
      case 1 -> () -> Tensor.of(memory, dtype, shape, new long[shape.length]);
      default -> () -> Tensor.allocate(arena, dtype, shape);
    };
  }

  /** At most 24 elements. */
  private static long[] shape(Draw draw) {
    return draw.any(new long[] {3}, new long[] {2, 4}, new long[] {2, 3, 4}, new long[] {1, 1, 5});
  }

  private static long[] with(long[] shape, Draw draw, long size) {
    long[] other = shape.clone();
    other[draw.from(0, shape.length - 1)] = size;
    return other;
  }
}
