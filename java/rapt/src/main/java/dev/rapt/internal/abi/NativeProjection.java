// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.Projection;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_linear_parameters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** A rapt_linear_weights: packed for the kernels of one tier or device. */
final class NativeProjection implements Projection {
  private final MemorySegment weights;
  private final long inFeatures;
  private final long outFeatures;

  private NativeProjection(MemorySegment weights, long inFeatures, long outFeatures) {
    this.weights = weights;
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
  }

  /** Packs tensors whose memory the caller keeps alive during the call. */
  static NativeProjection create(MemorySegment context, Tensor weight, @Nullable Tensor bias) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment parameters = rapt_linear_parameters.allocate(arena);
      rapt_linear_parameters.struct_size(parameters, parameters.byteSize());
      TensorStruct.write(parameters, rapt_linear_parameters.weight$offset(), weight, 2);
      TensorStruct.writeOptional(parameters, rapt_linear_parameters.bias$offset(), bias, 1);
      rapt_linear_parameters.in_features(parameters, weight.size(1));
      rapt_linear_parameters.out_features(parameters, weight.size(0));
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      CallFrame frame = CallFrame.take();
      try {
        frame.checkArguments(rapt_h.rapt_linear_create(context, parameters, out, frame.error));
      } finally {
        frame.give();
      }
      return new NativeProjection(out.get(ValueLayout.ADDRESS, 0), weight.size(1), weight.size(0));
    }
  }

  /** The rapt_linear_weights. */
  MemorySegment weights() {
    return weights;
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
    rapt_h.rapt_linear_destroy(weights);
  }
}
