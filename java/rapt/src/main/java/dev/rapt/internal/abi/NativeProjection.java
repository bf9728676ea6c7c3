// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.Projection;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_linear_weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** A rapt_linear: weights packed for the kernels of one tier or device. */
final class NativeProjection implements Projection {
  private final MemorySegment linear;
  private final long inFeatures;
  private final long outFeatures;

  private NativeProjection(MemorySegment linear, long inFeatures, long outFeatures) {
    this.linear = linear;
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
  }

  /** Packs tensors whose memory the caller keeps alive during the call. */
  static NativeProjection create(MemorySegment context, Tensor weight, @Nullable Tensor bias) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment weights = rapt_linear_weights.allocate(arena);
      rapt_linear_weights.struct_size(weights, weights.byteSize());
      TensorStruct.write(weights, rapt_linear_weights.weight$offset(), weight, 2);
      TensorStruct.writeOptional(weights, rapt_linear_weights.bias$offset(), bias, 1);
      rapt_linear_weights.in_features(weights, weight.size(1));
      rapt_linear_weights.out_features(weights, weight.size(0));
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      CallFrame frame = CallFrame.take();
      try {
        frame.checkArguments(rapt_h.rapt_linear_create(context, weights, out, frame.error));
      } finally {
        frame.give();
      }
      return new NativeProjection(out.get(ValueLayout.ADDRESS, 0), weight.size(1), weight.size(0));
    }
  }

  /** The rapt_linear. */
  MemorySegment linear() {
    return linear;
  }

  @Override
  public long inFeatures() {
    return inFeatures;
  }

  @Override
  public long outFeatures() {
    return outFeatures;
  }

  @Override
  public void close() {
    rapt_h.rapt_linear_destroy(linear);
  }
}
