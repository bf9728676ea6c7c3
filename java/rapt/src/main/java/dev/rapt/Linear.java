// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.ops.LinearOperation;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (..., in) to (..., out): output = input . weightᵀ + bias, with weights packed once for a device.
 *
 * {@snippet :
 * try (Linear layer = Linear.of(device, weight, bias)) { // (out, in) and (out)
 *   layer.run(device, input, output); // (rows, in) to (rows, out)
 * }
 * }
 *
 * <p>Input and output are F32, F16 or BF16, each of its own type. Keeps no reference to the tensors
 * it was made from. Thread-safe; {@link #close()} is idempotent and waits for running calls and for
 * the work on streams that uses the weights. Once its device is closed, only {@code close()} may be
 * called.
 */
public final class Linear implements AutoCloseable {
  private final PackedWeights packed;
  private final LinearOperation operation;
  private final Weights weights;

  private Linear(Device device, PackedWeights packed) {
    this.packed = packed;
    operation = new LinearOperation(packed);
    weights = new Weights(device, "linear");
  }

  /** Packs a weight (out, in) without a bias; as {@link #of(Device, Tensor, Tensor)}. */
  public static Linear of(Device device, Tensor weight) {
    return of(device, weight, null);
  }

  /**
   * Packs a weight (out, in), as torch.nn.Linear stores it, and an optional bias (out), each F32,
   * F16 or BF16, in any strides. The CPU reads them where they lie, on its workers, and their
   * arenas cannot be closed meanwhile. For a GPU they may lie on the host or in its memory.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the device or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where memory runs out, or the device fails
   */
  public static Linear of(Device device, Tensor weight, @Nullable Tensor bias) {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(weight, "weight");
    return of(device, new Projection("", new WeightMatrix.Dense(weight), bias));
  }

  /** Packs a quantised weight (out, in) without a bias; see the one with a bias. */
  public static Linear of(Device device, QuantizedMatrix weight) {
    return of(device, weight, null);
  }

  /**
   * Packs a quantised weight (out, in) and an optional bias (out), F32, F16 or BF16. The weights
   * stay quantised, so that few rows of input read an eighth to a quarter of what F32 weights take;
   * arithmetic is f32, and the results are those of the weights that the matrix stands for. On CPUs
   * and in the Java reference only. A CPU keeps bytes with a scale for each row as F32 where their
   * columns are no multiple of 32, unless the input is rounded to bytes.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the device or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where memory runs out, or the device takes no quantised weights
   */
  public static Linear of(Device device, QuantizedMatrix weight, @Nullable Tensor bias) {
    return of(device, weight, bias, InputQuantization.NONE);
  }

  /**
   * The same with a choice of what is multiplied: the input as it is, or rounded to bytes.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the device or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where memory runs out, or the device takes no quantised weights
   */
  public static Linear of(
      Device device, QuantizedMatrix weight, @Nullable Tensor bias, InputQuantization input) {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(weight, "weight");
    Objects.requireNonNull(input, "input");
    return of(device, new Projection("", new WeightMatrix.Quantized(weight, input), bias));
  }

  private static Linear of(Device device, Projection projection) {
    projection.check();
    projection.admit(device);
    device.enter();
    try {
      Linear linear = new Linear(device, projection.pack(device));
      device.adopt(linear, linear::free);
      return linear;
    } finally {
      device.exit();
    }
  }

  /**
   * Writes (B, rows, out) or (rows, out) into {@code output}. On the weights' device the call is
   * complete on return, on a stream of that device it is enqueued.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where this, the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails, or the call cannot be enqueued
   */
  public void run(Place place, Tensor input, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, output);
    try {
      weights.run(place, call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run} would do. */
  public Plan plan(Place place, Tensor input, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(input, output);
    try {
      return weights.plan(place, call);
    } finally {
      call.give();
    }
  }

  private CallFrame call(Tensor input, Tensor output) {
    return CallFrame.take(operation)
        .set(LinearOperation.INPUT, input)
        .set(LinearOperation.OUTPUT, output);
  }

  /** Features of an input row. */
  public long inFeatures() {
    return packed.inFeatures();
  }

  /** Features of an output row. */
  public long outFeatures() {
    return packed.outFeatures();
  }

  /** The device that holds the weights. */
  public Device device() {
    return weights.device();
  }

  /** Waits for running calls and enqueued work, then frees the weights. Idempotent. */
  @Override
  public void close() {
    device().release(this, this::free);
  }

  private void free() {
    weights.close(packed::close);
  }
}
