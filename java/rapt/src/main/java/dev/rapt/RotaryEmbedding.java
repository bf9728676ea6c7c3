// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ops.RopeOperation;
import java.lang.foreign.Arena;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (B, H, S, D) to (B, H, S, D): rotary position embedding. Rotates every pair (a, b) among the
 * first R elements of a row by the angle of the row's position, to (cosine * a - sine * b, sine * a
 * + cosine * b), and copies the other elements.
 *
 * <p>Cosines and sines come in one of two ways:
 *
 * <ul>
 *   <li>with positions, I32 or I64, (B, S) or, the same for the whole batch, (S): as tables (T, R /
 *       2), of which each token takes the row that its position names, 0 to T - 1;
 *   <li>without positions: as (B, S, R / 2) or (S, R / 2), a row for each token.
 * </ul>
 *
 * {@snippet :
 * RotaryEmbedding rope = RotaryEmbedding.builder().build();
 * RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, 4096, 128);
 * rope.run(device, query, tables, positions, query); // in place
 * }
 *
 * <p>Su et al., "RoFormer" (2021). Tensors of rank 3 are one sample, (H, S, D), and those of rank 2
 * one head of it. Input, output, cosine and sine are F32, F16 or BF16, each of its own type;
 * arithmetic is f32. The output may be the input: the same tensor, or one of the same memory,
 * strides and type. Immutable; one instance serves any number of threads and devices, and a call
 * allocates nothing.
 */
public final class RotaryEmbedding {
  private final RopeOperation operation;

  /**
   * Cosines and sines of the angles by which pairs are rotated. The caller owns both tensors.
   *
   * @param cosine (T, R / 2), for each position and pair; without positions (B, S, R / 2) or (S, R
   *     / 2), for each token and pair
   * @param sine the same shape
   */
  public record Tables(Tensor cosine, Tensor sine) {
    /** Checks that both are there. */
    public Tables {
      Objects.requireNonNull(cosine, "cosine");
      Objects.requireNonNull(sine, "sine");
    }
  }

  private RotaryEmbedding(RopeOperation operation) {
    this.operation = operation;
  }

  /** A builder whose defaults rotate whole rows, paired by halves. */
  public static Builder builder() {
    return new Builder();
  }

  /** {@link #tables(Arena, DType, long, long, double)} in F32 with theta 10000. */
  public static Tables tables(Arena arena, long length, long rotaryDim) {
    return tables(arena, DType.F32, length, rotaryDim, 10_000);
  }

  /**
   * The usual tables, (length, rotaryDim / 2), new in {@code arena}: position p rotates pair i by
   * the angle p * theta^(-2i / rotaryDim). They are computed in double and rounded once, with equal
   * bits on every machine and whatever the length. A model that scales its angles needs tables of
   * its own.
   */
  public static Tables tables(Arena arena, DType dtype, long length, long rotaryDim, double theta) {
    Objects.requireNonNull(arena, "arena");
    Objects.requireNonNull(dtype, "dtype");
    return RotaryTables.make(arena, dtype, length, rotaryDim, theta);
  }

  /**
   * Writes (B, H, S, D) into {@code output}, by tables with a row per token. On a device the call
   * is complete on return, on a stream it is enqueued.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails, or the call cannot be enqueued
   */
  public void run(Place place, Tensor input, Tables tables, Tensor output) {
    run(place, input, tables, null, output);
  }

  /**
   * Writes (B, H, S, D) into {@code output}, by the rows of the tables that {@code positions} (B,
   * S) or (S) name; null = the tables have a row per token.
   *
   * @throws IllegalArgumentException as in {@link #run(Place, Tensor, Tables, Tensor)}, and for a
   *     position outside the tables, before anything is written. On a GPU such a position makes its
   *     token's output NaN instead
   */
  public void run(
      Place place, Tensor input, Tables tables, @Nullable Tensor positions, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, tables, positions, output);
    try {
      place.run(call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run(Place, Tensor, Tables, Tensor)} would do. */
  public Plan plan(Place place, Tensor input, Tables tables, Tensor output) {
    return plan(place, input, tables, null, output);
  }

  /** What {@link #run(Place, Tensor, Tables, Tensor, Tensor)} would do. */
  public Plan plan(
      Place place, Tensor input, Tables tables, @Nullable Tensor positions, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, tables, positions, output);
    try {
      return place.plan(call);
    } finally {
      call.give();
    }
  }

  private CallFrame call(Tensor input, Tables tables, @Nullable Tensor positions, Tensor output) {
    Objects.requireNonNull(tables, "tables");
    return CallFrame.take(operation)
        .set(RopeOperation.INPUT, input)
        .set(RopeOperation.OUTPUT, output)
        .set(RopeOperation.COSINE, tables.cosine())
        .set(RopeOperation.SINE, tables.sine())
        .set(RopeOperation.POSITIONS, positions);
  }

  /** Collects the options of a {@link RotaryEmbedding}. Not thread-safe. */
  public static final class Builder {
    private boolean interleaved;
    private long rotaryDim;

    private Builder() {}

    /**
     * Whether elements 2i and 2i + 1 form pair i, as in GPT-J; otherwise, and by default, elements
     * i and i + R / 2, as in GPT-NeoX and Llama.
     */
    public Builder interleaved(boolean interleaved) {
      this.interleaved = interleaved;
      return this;
    }

    /**
     * R, how many elements of a row are rotated: even, 2 to D; 0, the default, is all D of them.
     *
     * @throws IllegalArgumentException where R is odd, negative or above 1024
     */
    public Builder rotaryDim(long rotaryDim) {
      this.rotaryDim = Checks.rotaryDim(rotaryDim);
      return this;
    }

    /** A rotary embedding with these options. */
    public RotaryEmbedding build() {
      return new RotaryEmbedding(new RopeOperation(interleaved, rotaryDim));
    }
  }
}
