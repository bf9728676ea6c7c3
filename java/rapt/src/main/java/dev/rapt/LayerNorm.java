// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ops.NormOperation;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (B, R, F) to (B, R, F): layer normalisation, with a residual that is added first. With s = input
 * + residual, output = (s - mean(s)) / sqrt(variance(s) + epsilon) * weight + bias, where mean and
 * (biased) variance are those of a row's F features.
 *
 * {@snippet :
 * LayerNorm norm = LayerNorm.of(1e-12);
 * norm.run(device, output, input, weight, bias, output); // output + input, in place
 * }
 *
 * <p>All tensors are F32, F16 or BF16, each of its own type; arithmetic is f32. Input, residual and
 * output may lack B; weight and bias are (F). The output may be the input: the same tensor, or one
 * of the same memory, strides and type. A NaN or an infinity makes its row NaN and no other. CUDA
 * devices do not support it. Ba, Kiros and Hinton (2016). Immutable; one instance serves any number
 * of threads and devices, and a call allocates nothing.
 */
public final class LayerNorm {
  private final NormOperation operation;

  private LayerNorm(NormOperation operation) {
    this.operation = operation;
  }

  /**
   * A normalisation with this epsilon.
   *
   * @throws IllegalArgumentException where epsilon, as a float, is not positive and finite
   */
  public static LayerNorm of(double epsilon) {
    float rounded = (float) epsilon;
    if (!(rounded > 0) || rounded == Float.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(
          "epsilon is " + epsilon + "; allowed: positive and finite as a float");
    }
    return new LayerNorm(new NormOperation(rounded));
  }

  /**
   * Writes (B, R, F) into {@code output}. On a device the call is complete on return.
   *
   * @param residual (B, R, F); null = none
   * @param bias (F); null = none
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device does not support it
   */
  public void run(
      Place place,
      Tensor input,
      @Nullable Tensor residual,
      Tensor weight,
      @Nullable Tensor bias,
      Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, residual, weight, bias, output);
    try {
      place.run(call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run} would do. */
  public Plan plan(
      Place place,
      Tensor input,
      @Nullable Tensor residual,
      Tensor weight,
      @Nullable Tensor bias,
      Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, residual, weight, bias, output);
    try {
      return place.plan(call);
    } finally {
      call.give();
    }
  }

  private CallFrame call(
      Tensor input,
      @Nullable Tensor residual,
      Tensor weight,
      @Nullable Tensor bias,
      Tensor output) {
    return CallFrame.take(operation)
        .set(NormOperation.INPUT, input)
        .set(NormOperation.RESIDUAL, residual)
        .set(NormOperation.WEIGHT, weight)
        .set(NormOperation.BIAS, bias)
        .set(NormOperation.OUTPUT, output);
  }
}
