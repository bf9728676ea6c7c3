// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ops.GeluOperation;
import java.util.Objects;

/**
 * (B, R, F) to (B, R, F): GELU, x * Phi(x) = x / 2 * (1 + erf(x / sqrt(2))) for each element, with
 * Phi the distribution function of the standard normal. This is the exact form, which BERT uses,
 * and not the approximation by tanh.
 *
 * {@snippet :
 * Gelu.run(device, input, output);
 * Gelu.run(device, input, input); // in place
 * }
 *
 * <p>Input and output are F32, F16 or BF16, each of its own type; arithmetic is f32. Both may lack
 * B. The output may be the input: the same tensor, or one of the same memory, strides and type.
 * -inf gives 0, and a NaN stays one. CUDA devices do not support it. Hendrycks and Gimpel (2016).
 * Thread-safe; a call allocates nothing.
 */
public final class Gelu {
  private static final GeluOperation OPERATION = new GeluOperation();

  private Gelu() {}

  /**
   * Writes (B, R, F) into {@code output}. On a device the call is complete on return.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device does not support it
   */
  public static void run(Place place, Tensor input, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, output);
    try {
      place.run(call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run} would do. */
  public static Plan plan(Place place, Tensor input, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, output);
    try {
      return place.plan(call);
    } finally {
      call.give();
    }
  }

  private static CallFrame call(Tensor input, Tensor output) {
    return CallFrame.take(OPERATION)
        .set(GeluOperation.INPUT, input)
        .set(GeluOperation.OUTPUT, output);
  }
}
