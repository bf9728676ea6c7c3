// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.PackedWeights;
import org.jspecify.annotations.Nullable;

/**
 * The weight and bias of a linear layer as they are given: what they must satisfy, and packing
 * them.
 *
 * @param name what the layer is among others, for error sentences; empty where there is one
 */
record Projection(String name, WeightMatrix weight, @Nullable Tensor bias) {
  String weightName() {
    return name.isEmpty() ? "weight" : name + " weight";
  }

  private String scaleName() {
    return weightName() + "'s scale";
  }

  private String biasName() {
    return name.isEmpty() ? "bias" : name + " bias";
  }

  /** That weight and bias fit each other. */
  void check() {
    weight.check(weightName());
    if (bias != null) {
      Checks.rank(biasName(), bias, 1, "(out)");
      Checks.numbers(biasName(), bias);
      Checks.size(biasName(), bias, 0, weight.rows(), "the rows of " + weightName());
    }
  }

  /** That a dimension of the weight has the size that another argument requires. */
  void size(int dim, long expected, String reason) {
    long size = dim == 0 ? weight.rows() : weight.columns();
    if (size != expected) {
      throw Checks.wrongSize(weightName(), weight, size, dim, expected + ", " + reason);
    }
  }

  /** The same for an input that is rounded, which needs quantised weights. */
  Projection rounding(InputQuantization input) {
    if (input == InputQuantization.NONE) {
      return this;
    }
    if (weight instanceof WeightMatrix.Quantized quantized) {
      return new Projection(name, new WeightMatrix.Quantized(quantized.matrix(), input), bias);
    }
    throw new IllegalArgumentException(
        weightName() + " is " + weight + "; allowed with " + input + ": a QuantizedMatrix");
  }

  /** That all lie where the device takes weights from. */
  void admit(Device device) {
    device.admitWeight(weightName(), weight.memory());
    device.admitWeight(scaleName(), weight.scale());
    device.admitWeight(biasName(), bias);
  }

  /** Packs them on a device that is entered. */
  PackedWeights pack(Device device) {
    try {
      return weight.pack(device, bias);
    } catch (IllegalStateException closed) {
      IllegalStateException named = Checks.closedMeanwhile(closed, biasName(), bias);
      named = Checks.closedMeanwhile(named, scaleName(), weight.scale());
      throw Checks.closedMeanwhile(named, weightName(), weight.memory());
    }
  }
}
