// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import static dev.rapt.internal.call.OperandTable.MAX_FEATURES;

import dev.rapt.internal.call.PackedWeights;
import org.jspecify.annotations.Nullable;

/** What the weights of a linear layer must satisfy, and packing them. */
final class LinearChecks {
  private LinearChecks() {}

  /** Packs weights that are checked, on a device that is entered. */
  static PackedWeights pack(
      Device device, String weightName, Tensor weight, String biasName, @Nullable Tensor bias) {
    try {
      return device.pack(weight, bias);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(
          Checks.closedMeanwhile(closed, biasName, bias), weightName, weight);
    }
  }

  /** The same for quantised weights. */
  static PackedWeights pack(
      Device device,
      String weightName,
      QuantizedMatrix weight,
      String biasName,
      @Nullable Tensor bias) {
    try {
      return device.pack(weight, bias);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(
          Checks.closedMeanwhile(closed, biasName, bias), weightName, weight.bytes());
    }
  }

  static void weights(
      String weightName, QuantizedMatrix weight, String biasName, @Nullable Tensor bias) {
    Checks.alive(weightName, weight.bytes());
    bias(weightName, weight.rows(), biasName, bias);
  }

  static void weights(String weightName, Tensor weight, String biasName, @Nullable Tensor bias) {
    Checks.rank(weightName, weight, 2, "(out, in)");
    Checks.numbers(weightName, weight);
    for (int dim = 0; dim < 2; dim++) {
      if (weight.size(dim) < 1 || weight.size(dim) > MAX_FEATURES) {
        throw new IllegalArgumentException(
            weightName + " is " + weight + "; allowed: sizes from 1 to " + MAX_FEATURES);
      }
    }
    bias(weightName, weight.size(0), biasName, bias);
  }

  private static void bias(
      String weightName, long features, String biasName, @Nullable Tensor bias) {
    if (bias != null) {
      Checks.rank(biasName, bias, 1, "(out)");
      Checks.numbers(biasName, bias);
      Checks.size(biasName, bias, 0, features, "the rows of " + weightName);
    }
  }
}
