// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.RotaryOptions;
import java.lang.foreign.Arena;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (B, H, S, D) to (B, H, S, D): rotary position embedding. Turns every pair (a, b) among the first
 * R elements of a row by the angle of the row's position, to (cosine * a - sine * b, sine * a +
 * cosine * b), and copies the other elements.
 *
 * <p>Cosines and sines come in one of two ways:
 *
 * <ul>
 *   <li>with positions (B, S) or, the same for the whole batch, (S), of type I64: tables (T, R / 2)
 *       of which each token takes the row that its position names, 0 to T - 1;
 *   <li>without: (B, S, R / 2) or (S, R / 2), the rows themselves in the order of the tokens.
 * </ul>
 *
 * <p>Input, output, cosine and sine are F32, F16 or BF16, each of its own type; arithmetic is f32.
 * The output may be the input: the same tensor, or one of the same memory, strides and type.
 * Immutable; one instance serves any number of threads and devices, and a call allocates nothing.
 */
public final class RotaryEmbedding {
  private final RotaryOptions options;

  /**
   * What the pairs turn by.
   *
   * @param cosine (T, R / 2): of the angle of each position and pair
   * @param sine (T, R / 2)
   */
  public record Tables(Tensor cosine, Tensor sine) {
    /** Checks that both are there. */
    public Tables {
      Objects.requireNonNull(cosine, "cosine");
      Objects.requireNonNull(sine, "sine");
    }
  }

  private RotaryEmbedding(RotaryOptions options) {
    this.options = options;
  }

  /** A builder whose defaults turn whole rows, paired by halves. */
  public static Builder builder() {
    return new Builder();
  }

  /** {@link #tables(Arena, DType, long, long, double)} in F32 with theta 10000. */
  public static Tables tables(Arena arena, long length, long rotaryDim) {
    return tables(arena, DType.F32, length, rotaryDim, 10_000);
  }

  /**
   * The usual tables, (length, rotaryDim / 2), new in {@code arena}: position p turns pair i by the
   * angle p * theta^(-2i / rotaryDim). Computed in double and rounded once. Models that scale their
   * angles bring tables of their own.
   */
  public static Tables tables(Arena arena, DType dtype, long length, long rotaryDim, double theta) {
    Objects.requireNonNull(arena, "arena");
    Objects.requireNonNull(dtype, "dtype");
    return RotaryTables.make(arena, dtype, length, rotaryDim, theta);
  }

  /**
   * (B, H, S, D) into {@code output}; complete on return.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed; a
   *     position outside the tables too, before anything is written, but on a GPU, where it makes
   *     its token's output NaN
   * @throws IllegalStateException where the device or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails
   */
  public void run(
      Device device,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    Objects.requireNonNull(device, "device");
    runAt(device, input, cosine, sine, positions, output);
  }

  /**
   * (B, H, S, D) into {@code output}: enqueues the call, and returns before it is done. Closing a
   * tensor's memory waits for it.
   */
  public void run(
      CudaStream stream,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    Objects.requireNonNull(stream, "stream");
    runAt(stream, input, cosine, sine, positions, output);
  }

  private void runAt(
      Place place,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    RotaryChecks.call(place, options, input, cosine, sine, positions, output);
    place.enter();
    try {
      place.backend().rotary(options, input, cosine, sine, positions, output);
    } finally {
      place.exit();
    }
  }

  /** What {@link #run(Device, Tensor, Tensor, Tensor, Tensor, Tensor)} would do. */
  public Plan plan(
      Device device,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    Objects.requireNonNull(device, "device");
    RotaryChecks.call(device, options, input, cosine, sine, positions, output);
    device.enter();
    try {
      return device.backend().rotaryPlan(options, input, cosine, sine, positions, output);
    } finally {
      device.exit();
    }
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

    /** R, how many elements of a row turn: even, 2 to D; 0, the default, is all D of them. */
    public Builder rotaryDim(long rotaryDim) {
      if (rotaryDim < 0 || rotaryDim > Checks.MAX_HEAD_DIM || rotaryDim % 2 != 0) {
        throw new IllegalArgumentException(
            "rotaryDim is "
                + rotaryDim
                + "; allowed: 0 (the head dimension) or even, 2 to "
                + Checks.MAX_HEAD_DIM);
      }
      this.rotaryDim = rotaryDim;
      return this;
    }

    /** The embedding described. */
    public RotaryEmbedding build() {
      return new RotaryEmbedding(new RotaryOptions(interleaved, rotaryDim));
    }
  }
}
