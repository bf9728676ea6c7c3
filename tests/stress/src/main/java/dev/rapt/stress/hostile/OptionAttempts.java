// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.CpuOptions;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.MultiHeadAttention;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import dev.rapt.stress.call.Draw;
import java.lang.foreign.Arena;

/** Options that mean nothing. */
final class OptionAttempts {
  private static final double[] NOT_FINITE = {
    Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1e300
  };

  private OptionAttempts() {}

  private static final String KIND = "options";

  /** What is wrong. */
  private enum Fault {
    SCALE,
    SOFTCAP,
    WINDOW,
    CAUSAL,
    STAGE,
    ROTARY_DIM,
    TABLES,
    THREADS,
    GPU,
    HEADS,
    DIVISOR,
    PROJECTION,
    STACKED,
    PLACED_TWICE
  }

  static Attempt draw(Draw draw, World world, Arena arena) {
    Fault fault = draw.any(Fault.values());
    Device device = draw.any(world.open);
    return switch (fault) {
      case SCALE -> {
        double scale = NOT_FINITE[draw.from(0, NOT_FINITE.length - 1)];
        yield new Attempt(
            KIND,
            fault,
            () -> Attention.builder().scale(scale),
            Expect.illegal("scale is " + scale));
      }
      case SOFTCAP -> {
        double softcap =
            draw.oneIn(2)
                ? NOT_FINITE[draw.from(0, NOT_FINITE.length - 1)]
                : draw.any(-1.0, 1e-60, -1e-60);
        yield new Attempt(
            KIND,
            fault,
            () -> Attention.builder().softcap(softcap),
            Expect.illegal("softcap is " + softcap));
      }
      case WINDOW -> {
        long size = draw.any(-2L, -5L, Long.MIN_VALUE);
        boolean left = draw.oneIn(2);
        yield new Attempt(
            KIND,
            fault,
            () -> Attention.builder().window(left ? size : 1, left ? 1 : size),
            Expect.illegal((left ? "left" : "right") + " window is " + size));
      }
      case CAUSAL ->
          new Attempt(
              KIND,
              fault,
              () -> Attention.builder().causal(null),
              Expect.of(NullPointerException.class, "causal"));
      case STAGE ->
          new Attempt(
              KIND,
              fault,
              () -> Attention.builder().weightsStage(null),
              Expect.of(NullPointerException.class, "weightsStage"));
      case ROTARY_DIM -> {
        long dim = draw.any(-2L, 1L, 3L, 1026L, Long.MAX_VALUE, Long.MIN_VALUE);
        yield new Attempt(
            KIND,
            fault,
            () -> RotaryEmbedding.builder().rotaryDim(dim),
            Expect.illegal("rotaryDim is " + dim));
      }
      case TABLES -> tables(fault, draw, arena);
      case THREADS -> {
        int threads = draw.any(-1, 1025, Integer.MAX_VALUE, Integer.MIN_VALUE);
        yield new Attempt(
            KIND,
            fault,
            () -> CpuOptions.builder().threads(threads),
            Expect.illegal("threads is " + threads));
      }
      case GPU -> {
        int ordinal = draw.any(-1, Integer.MIN_VALUE);
        yield new Attempt(
            KIND, fault, () -> Device.cuda(ordinal), Expect.illegal(Integer.toString(ordinal)));
      }
      case HEADS -> {
        int heads = draw.any(0, -1, Integer.MIN_VALUE);
        boolean kv = draw.oneIn(2);
        MultiHeadAttention.Builder builder = MultiHeadAttention.builder(device);
        yield new Attempt(
            KIND,
            fault,
            () -> (kv ? builder.kvHeads(heads) : builder.heads(heads)).build(),
            Expect.illegal((kv ? "kvHeads is " : "heads is ") + heads));
      }
      case DIVISOR -> {
        int heads = draw.any(5, 7, 13);
        Tensor weight = Tensor.allocate(arena, DType.F32, 12, 12);
        yield new Attempt(
            KIND,
            fault,
            () ->
                MultiHeadAttention.builder(device)
                    .heads(heads)
                    .query(weight, null)
                    .key(weight, null)
                    .value(weight, null)
                    .build()
                    .close(),
            Expect.illegal("query weight is " + weight, "a multiple of " + heads));
      }
      case PROJECTION ->
          new Attempt(
              KIND,
              fault,
              () -> MultiHeadAttention.builder(device).heads(1).build(),
              Expect.illegal("query projection is missing"));
      case STACKED -> {
        Tensor weight = Tensor.allocate(arena, DType.F32, draw.any(2L, 4L, 7L), 4);
        yield new Attempt(
            KIND,
            fault,
            () -> MultiHeadAttention.builder(device).inProjection(weight, null),
            Expect.illegal("in-projection weight is " + weight, "multiple of 3"));
      }
      case PLACED_TWICE -> placedTwice(fault, draw, device, arena);
    };
  }

  private static Attempt tables(Fault fault, Draw draw, Arena arena) {
    long length = draw.any(0L, -1L, Long.MIN_VALUE);
    long dim = draw.any(0L, 3L, -2L, 1026L);
    double theta = draw.any(0.0, -1.0, Double.NaN, Double.POSITIVE_INFINITY);
    DType dtype = draw.any(DType.I8, DType.BOOL, DType.I64);
    return switch (draw.from(0, 3)) {
      case 0 ->
          new Attempt(
              KIND,
              fault,
              () -> RotaryEmbedding.tables(arena, length, 8),
              Expect.illegal("length is " + length));
      case 1 ->
          new Attempt(
              KIND,
              fault,
              () -> RotaryEmbedding.tables(arena, 4, dim),
              Expect.illegal("rotaryDim is " + dim));
      case 2 ->
          new Attempt(
              KIND,
              fault,
              () -> RotaryEmbedding.tables(arena, DType.F32, 4, 8, theta),
              Expect.illegal("theta is " + theta));
      default ->
          new Attempt(
              KIND,
              fault,
              () -> RotaryEmbedding.tables(arena, dtype, 4, 8, 10_000),
              Expect.illegal("dtype is " + dtype));
    };
  }

  private static Attempt placedTwice(Fault fault, Draw draw, Device device, Arena arena) {
    Tensor x = Tensor.allocate(arena, DType.F32, 2, 1, 3, 4);
    Tensor output = Tensor.allocate(arena, DType.F32, 2, 1, 3, 4);
    Tensor positions = Tensor.allocate(arena, DType.I32, 2);
    boolean causal = draw.oneIn(2);
    Attention attention =
        causal
            ? Attention.builder().causal(Causal.BOTTOM_RIGHT).build()
            : Attention.builder().position(5).build();
    AttentionTensors tensors =
        AttentionTensors.builder(x, x, x, output).positions(positions).build();
    return new Attempt(
        KIND,
        fault,
        () -> attention.run(device, tensors),
        Expect.illegal("positions is " + positions, causal ? "BOTTOM_RIGHT" : "position is 5"));
  }
}
