// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Projection;
import org.jspecify.annotations.Nullable;

/** What the tensors of a linear projection must satisfy. */
final class LinearChecks {
  private static final long MAX_FEATURES = 1L << 24;

  private LinearChecks() {}

  static void weights(String weightName, Tensor weight, String biasName, @Nullable Tensor bias) {
    Checks.rank(weightName, weight, 2, "(out, in)");
    Checks.numbers(weightName, weight);
    for (int dim = 0; dim < 2; dim++) {
      if (weight.size(dim) < 1 || weight.size(dim) > MAX_FEATURES) {
        throw new IllegalArgumentException(
            weightName + " is " + weight + "; allowed: sizes from 1 to " + MAX_FEATURES);
      }
    }
    if (bias != null) {
      Checks.rank(biasName, bias, 1, "(out)");
      Checks.numbers(biasName, bias);
      Checks.size(biasName, bias, 0, weight.size(0), "the rows of " + weightName);
    }
  }

  static void call(Projection projection, Tensor input, Tensor output) {
    if (input.rank() != 2 && input.rank() != 3) {
      throw new IllegalArgumentException(
          "input is " + input + "; allowed: rank 2 (rows, in) or rank 3 (B, rows, in)");
    }
    Checks.numbers("input", input);
    Checks.rank("output", output, input.rank(), "as the input");
    Checks.output("output", output);
    int last = input.rank() - 1;
    Checks.size("input", input, last, projection.inFeatures(), "the features read");
    Checks.size("output", output, last, projection.outFeatures(), "the features written");
    for (int dim = 0; dim < last; dim++) {
      Checks.size("output", output, dim, input.size(dim), "the input's size");
    }
    Checks.disjoint("output", output, "input", input);
  }
}
