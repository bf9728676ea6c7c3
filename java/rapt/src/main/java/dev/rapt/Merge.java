// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ops.MergeOperation;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (P, B, H, S, Dv) and (P, B, H, S) to (B, H, S, Dv): merges results of attention over P parts of
 * the keys, by their log-sum-exp (LSE), into the result over all keys at once.
 *
 * <p>lse = ln(sum over parts of exp(partialLse)), output = sum over parts of exp(partialLse - lse)
 * * partialOutput. A part with LSE -inf is empty, and its output is not used. A row whose parts are
 * all empty gives output 0 and LSE -inf. Where the attention has sinks, give them to one part only:
 * one that sees a key in every row that sees a key at all.
 *
 * {@snippet :
 * // partialOutput (2, 1, 8, 16, 64) and partialLse (2, 1, 8, 16), of two halves of the keys
 * attention.run(device, AttentionTensors.builder(query, key0, value0, partialOutput.select(0, 0))
 *     .lse(partialLse.select(0, 0)).build());
 * attention.run(device, AttentionTensors.builder(query, key1, value1, partialOutput.select(0, 1))
 *     .lse(partialLse.select(0, 1)).build());
 * Merge.run(device, partialOutput, partialLse, output);
 * }
 *
 * <p>Outputs are F32, F16 or BF16, each of its own type; LSEs are F32. All tensors of a call may
 * lack B, and then also H. Milakov and Gimelshein (2018); Dao et al., Flash-Decoding (2023).
 * Thread-safe; a call allocates nothing.
 */
public final class Merge {
  private static final MergeOperation OPERATION = new MergeOperation();

  private Merge() {}

  /**
   * Writes (B, H, S, Dv) into {@code output}. On a device the call is complete on return, on a
   * stream it is enqueued.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails, or the call cannot be enqueued
   */
  public static void run(Place place, Tensor partialOutput, Tensor partialLse, Tensor output) {
    run(place, partialOutput, partialLse, output, null);
  }

  /** As above, and writes the LSE (B, H, S) over all parts into {@code lse}; null = none. */
  public static void run(
      Place place, Tensor partialOutput, Tensor partialLse, Tensor output, @Nullable Tensor lse) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(partialOutput, partialLse, output, lse);
    try {
      place.run(call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run(Place, Tensor, Tensor, Tensor, Tensor)} would do. */
  public static Plan plan(
      Place place, Tensor partialOutput, Tensor partialLse, Tensor output, @Nullable Tensor lse) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(partialOutput, partialLse, output, lse);
    try {
      return place.plan(call);
    } finally {
      call.give();
    }
  }

  private static CallFrame call(
      Tensor partialOutput, Tensor partialLse, Tensor output, @Nullable Tensor lse) {
    return CallFrame.take(OPERATION)
        .set(MergeOperation.PARTIAL_OUTPUT, partialOutput)
        .set(MergeOperation.PARTIAL_LSE, partialLse)
        .set(MergeOperation.OUTPUT, output)
        .set(MergeOperation.LSE, lse);
  }
}
