// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ops.AppendOperation;
import java.util.Objects;

/**
 * (B, Hkv, S, D) and (B, Hkv, S, Dv) into a cache: writes the keys and values of new tokens to
 * their slots, in one pass. With tables, keys are turned by rotary embedding first, and so are
 * queries, in place; rows are converted to the cache's type, or quantised where that is I8.
 *
 * <p>A cache is a pool of P pages with N rows each, (P, Hkv, N, D), and slot s is row s % N of page
 * s / N; a cache without pages is one page per sample, as long as the sample may grow. Strides
 * decide where heads and rows of a page lie, so that any layout will do. Slot -1 leaves a token
 * out. Rows that no slot names stay as they are.
 *
 * {@snippet :
 * // key and value (1, 8, 16, 128) of 16 tokens, slots and positions (1, 16), I64
 * Append append = Append.builder().build();
 * append.run(
 *     device,
 *     AppendTensors.builder(key, value, slots, keyCache, valueCache)
 *         .tables(tables)
 *         .positions(positions)
 *         .query(query)
 *         .build());
 * }
 *
 * <p>Immutable; one instance serves any number of threads and devices, and a call allocates
 * nothing. Kwon et al., "Efficient Memory Management for Large Language Model Serving with
 * PagedAttention" (2023).
 */
public final class Append {
  private final AppendOperation operation;

  private Append(AppendOperation operation) {
    this.operation = operation;
  }

  /** A builder whose defaults turn whole rows, paired by halves, where a call has tables. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Writes to the cache. On a device the call is complete on return, on a stream it is enqueued.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed;
   *     for a slot outside of the cache, a slot that two tokens have, and a position outside of the
   *     tables, before anything is written
   * @throws IllegalStateException where the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails, or the call cannot be enqueued
   */
  public void run(Place place, AppendTensors tensors) {
    Objects.requireNonNull(place, "place");
    Objects.requireNonNull(tensors, "tensors");
    CallFrame call = CallFrame.take(operation).set(tensors.slots());
    try {
      place.run(call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run} would do. */
  public Plan plan(Place place, AppendTensors tensors) {
    Objects.requireNonNull(place, "place");
    Objects.requireNonNull(tensors, "tensors");
    CallFrame call = CallFrame.take(operation).set(tensors.slots());
    try {
      return place.plan(call);
    } finally {
      call.give();
    }
  }

  /** Collects the options of an {@link Append}. Not thread-safe. */
  public static final class Builder {
    private boolean interleaved;
    private long rotaryDim;

    private Builder() {}

    /** As {@link RotaryEmbedding.Builder#interleaved}. */
    public Builder interleaved(boolean interleaved) {
      this.interleaved = interleaved;
      return this;
    }

    /**
     * R, how many elements of a row are turned: even, 2 to D; 0, the default, is all D of them.
     *
     * @throws IllegalArgumentException where R is odd, negative or above 1024
     */
    public Builder rotaryDim(long rotaryDim) {
      this.rotaryDim = Checks.rotaryDim(rotaryDim);
      return this;
    }

    /** Appending with these options. */
    public Append build() {
      return new Append(new AppendOperation(interleaved, rotaryDim));
    }
  }
}
