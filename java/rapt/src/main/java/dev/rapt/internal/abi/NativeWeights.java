// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.InputQuantization;
import dev.rapt.QuantizedMatrix;
import dev.rapt.Tensor;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.call.Structs;
import dev.rapt.internal.call.TensorStruct;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_linear_parameters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/** A rapt_linear_weights: packed for the kernels of one tier or device. */
final class NativeWeights implements PackedWeights {
  /** Holds the memory of three tensors, as HeldCall does for the calls of operations. */
  private static final MethodHandle CREATE =
      rapt_h
          .rapt_linear_create_held
          .makeInvoker(rapt_h.C_POINTER, rapt_h.C_POINTER, rapt_h.C_POINTER)
          .handle();

  private final MemorySegment weights;
  private final long inFeatures;
  private final long outFeatures;

  private NativeWeights(MemorySegment weights, long inFeatures, long outFeatures) {
    this.weights = weights;
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
  }

  /** Packs tensors where they lie; their arenas stay open meanwhile. */
  static NativeWeights create(MemorySegment context, Tensor weight, @Nullable Tensor bias) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment parameters = rapt_linear_parameters.allocate(arena);
      TensorStruct.write(parameters, rapt_linear_parameters.weight$offset(), weight);
      rapt_linear_parameters.in_features(parameters, weight.size(1));
      rapt_linear_parameters.out_features(parameters, weight.size(0));
      return create(context, arena, parameters, weight, null, bias);
    }
  }

  /** The same for quantised weights. */
  static NativeWeights create(
      MemorySegment context,
      QuantizedMatrix weight,
      @Nullable Tensor bias,
      InputQuantization input) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment parameters = rapt_linear_parameters.allocate(arena);
      TensorStruct.write(parameters, rapt_linear_parameters.weight$offset(), weight);
      rapt_linear_parameters.in_features(parameters, weight.columns());
      rapt_linear_parameters.out_features(parameters, weight.rows());
      rapt_linear_parameters.input_quantization(parameters, code(input));
      return create(context, arena, parameters, weight.bytes(), weight.scale(), bias);
    }
  }

  private static int code(InputQuantization input) {
    return switch (input) {
      case NONE -> rapt_h.RAPT_INPUT_FLOAT();
      case I8_BLOCKS -> rapt_h.RAPT_INPUT_I8();
    };
  }

  /** The rest, where the parameters name the weight. */
  private static NativeWeights create(
      MemorySegment context,
      Arena arena,
      MemorySegment parameters,
      Tensor weight,
      @Nullable Tensor scale,
      @Nullable Tensor bias) {
    rapt_linear_parameters.struct_size(parameters, parameters.byteSize());
    TensorStruct.write(parameters, rapt_linear_parameters.scale$offset(), scale);
    TensorStruct.write(parameters, rapt_linear_parameters.bias$offset(), bias);
    MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
    CallFrame frame = CallFrame.take();
    try {
      Structs structs = frame.structs();
      structs.checkArguments(
          create(
              context, parameters, out, structs.error, weight.segment(), held(scale), held(bias)));
    } finally {
      frame.give();
    }
    return new NativeWeights(
        out.get(ValueLayout.ADDRESS, 0),
        rapt_linear_parameters.in_features(parameters),
        rapt_linear_parameters.out_features(parameters));
  }

  private static MemorySegment held(@Nullable Tensor tensor) {
    return tensor == null ? MemorySegment.NULL : tensor.segment();
  }

  private static int create(
      MemorySegment context,
      MemorySegment parameters,
      MemorySegment out,
      MemorySegment error,
      MemorySegment heldWeight,
      MemorySegment heldScale,
      MemorySegment heldBias) {
    try {
      return (int)
          CREATE.invokeExact(context, parameters, out, error, heldWeight, heldScale, heldBias);
    } catch (Error | RuntimeException failure) {
      throw failure;
    } catch (Throwable impossible) {
      throw new AssertionError("a downcall has no checked exceptions", impossible);
    }
  }

  @Override
  public MemorySegment handle() {
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
