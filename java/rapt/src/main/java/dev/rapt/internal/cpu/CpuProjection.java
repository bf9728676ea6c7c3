// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.cpu;

import dev.rapt.Tensor;
import dev.rapt.internal.Projection;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_linear_weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** A rapt_linear: weights packed for the kernels of one tier. */
final class CpuProjection implements Projection {
  private final MemorySegment linear;
  private final long inFeatures;
  private final long outFeatures;

  private CpuProjection(MemorySegment linear, long inFeatures, long outFeatures) {
    this.linear = linear;
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
  }

  static CpuProjection create(MemorySegment context, Tensor weight, @Nullable Tensor bias) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment weights = rapt_linear_weights.allocate(arena);
      rapt_linear_weights.struct_size(weights, weights.byteSize());
      TensorStruct.write(weights, rapt_linear_weights.weight$offset(), copy(arena, weight), 2);
      Tensor ownBias = bias == null ? null : copy(arena, bias);
      TensorStruct.writeOptional(weights, rapt_linear_weights.bias$offset(), ownBias, 1);
      rapt_linear_weights.in_features(weights, weight.size(1));
      rapt_linear_weights.out_features(weights, weight.size(0));
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      CallFrame frame = CallFrame.take();
      try {
        frame.check(rapt_h.rapt_linear_create(context, weights, out, frame.error));
      } finally {
        frame.give();
      }
      return new CpuProjection(out.get(ValueLayout.ADDRESS, 0), weight.size(1), weight.size(0));
    }
  }

  /**
   * The same values in memory that nobody else can free while they are packed: this call, unlike
   * those on the hot path, has no arguments that would hold the caller's arena.
   */
  private static Tensor copy(Arena arena, Tensor tensor) {
    Tensor copy = Tensor.allocate(arena, tensor.dtype(), tensor.shape());
    for (long row = 0; row < tensor.size(0); row++) {
      copy.slice(0, row, row + 1).copyFrom(tensor.slice(0, row, row + 1).toFloatArray());
    }
    return copy;
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
