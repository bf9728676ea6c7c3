// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;

import dev.rapt.internal.call.PackedWeights;
import org.jspecify.annotations.Nullable;

/** (out, in): the weight of a projection as it is given. */
sealed interface WeightMatrix {
  /** Output features. */
  long rows();

  /** Input features. */
  long columns();

  /** What lies in memory. */
  Tensor memory();

  /** The scales, where they lie apart. */
  @Nullable Tensor scale();

  /** That it can be a weight. */
  void check(String name);

  /** Packs it on a device that is entered. */
  PackedWeights pack(Device device, @Nullable Tensor bias);

  /** F32, F16 or BF16 in any strides. */
  record Dense(Tensor tensor) implements WeightMatrix {
    @Override
    public long rows() {
      return tensor.size(0);
    }

    @Override
    public long columns() {
      return tensor.size(1);
    }

    @Override
    public Tensor memory() {
      return tensor;
    }

    @Override
    public @Nullable Tensor scale() {
      return null;
    }

    @Override
    public void check(String name) {
      Checks.rank(name, tensor, 2, "(out, in)");
      Checks.numbers(name, tensor);
      for (int dim = 0; dim < 2; dim++) {
        if (tensor.size(dim) < 1 || tensor.size(dim) > MAX_FEATURES) {
          throw new IllegalArgumentException(
              name + " is " + tensor + "; allowed: sizes from 1 to " + MAX_FEATURES);
        }
      }
    }

    @Override
    public PackedWeights pack(Device device, @Nullable Tensor bias) {
      return device.pack(tensor, bias);
    }

    @Override
    public String toString() {
      return tensor.toString();
    }
  }

  /** A quantised matrix, which has checked its own sizes. */
  record Quantized(QuantizedMatrix matrix, InputQuantization input) implements WeightMatrix {
    @Override
    public long rows() {
      return matrix.rows();
    }

    @Override
    public long columns() {
      return matrix.columns();
    }

    @Override
    public Tensor memory() {
      return matrix.bytes();
    }

    @Override
    public @Nullable Tensor scale() {
      return matrix.scale();
    }

    @Override
    public void check(String name) {
      Checks.alive(name, matrix.bytes());
      if (matrix.scale() != null) {
        Checks.alive(name + "'s scale", matrix.scale());
      }
    }

    @Override
    public PackedWeights pack(Device device, @Nullable Tensor bias) {
      return device.pack(matrix, bias, input);
    }

    @Override
    public String toString() {
      return matrix.toString();
    }
  }
}
