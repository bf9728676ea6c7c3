// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.RotaryOptions;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What the tensors of a rotary embedding must satisfy. */
final class RotaryChecks {
  private RotaryChecks() {}

  static void call(
      Place place,
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output) {
    Objects.requireNonNull(input, "input");
    Objects.requireNonNull(cosine, "cosine");
    Objects.requireNonNull(sine, "sine");
    Objects.requireNonNull(output, "output");
    rows(input, output);
    if (positions != null) {
      positions(input, positions);
    }
    long pairs = pairs(options, input.size(3));
    table("cosine", cosine, input, positions, pairs);
    table("sine", sine, input, positions, pairs);
    if (positions != null) {
      Checks.size("sine", sine, 0, cosine.size(0), "the rows of cosine");
    }
    if (!same(input, output)) {
      Checks.disjoint("output", output, "input", input);
    }
    Checks.disjoint("output", output, "cosine", cosine);
    Checks.disjoint("output", output, "sine", sine);
    Checks.disjoint("output", output, "positions", positions);
    place.admit("input", input);
    place.admit("cosine", cosine);
    place.admit("sine", sine);
    place.admit("positions", positions);
    place.admit("output", output);
  }

  private static void rows(Tensor input, Tensor output) {
    Checks.rank("input", input, 4, "(B, H, S, D)");
    Checks.numbers("input", input);
    Checks.headDim("head dimension of input", input.size(3));
    if (input.size(1) < 1) {
      throw new IllegalArgumentException("input is " + input + "; allowed: 1 head or more");
    }
    Checks.rank("output", output, 4, "as the input");
    Checks.output("output", output);
    for (int dim = 0; dim < 4; dim++) {
      Checks.size("output", output, dim, input.size(dim), "the input's size");
    }
  }

  private static void positions(Tensor input, Tensor positions) {
    Checks.input("positions", positions, DType.I64);
    if (positions.rank() != 1) {
      Checks.rank("positions", positions, 2, "(B, S), or rank 1 (S)");
      Checks.size("positions", positions, 0, input.size(0), "the input's batch");
    }
    Checks.size("positions", positions, positions.rank() - 1, input.size(2), "the input's length");
  }

  private static long pairs(RotaryOptions options, long headDim) {
    long rotaryDim = options.rotaryDim(headDim);
    if (rotaryDim > headDim || rotaryDim % 2 != 0) {
      throw new IllegalArgumentException(
          "rotaryDim is " + rotaryDim + "; allowed: even, at most the head dimension " + headDim);
    }
    return rotaryDim / 2;
  }

  /** Cosine or sine. */
  private static void table(
      String name, Tensor table, Tensor input, @Nullable Tensor positions, long pairs) {
    Checks.numbers(name, table);
    if (positions != null) {
      Checks.rank(name, table, 2, "(T, R / 2)");
      if (table.size(0) < 1) {
        throw new IllegalArgumentException(name + " is " + table + "; allowed: 1 row or more");
      }
    } else {
      if (table.rank() != 2) {
        Checks.rank(name, table, 3, "(B, S, R / 2), or rank 2 (S, R / 2)");
        Checks.size(name, table, 0, input.size(0), "the input's batch");
      }
      Checks.size(name, table, table.rank() - 2, input.size(2), "the input's length");
    }
    Checks.size(name, table, table.rank() - 1, pairs, "half the elements that turn");
  }

  /**
   * Whether both are one tensor, which is then embedded in place. The stride of a dimension of one
   * element says nothing.
   */
  private static boolean same(Tensor input, Tensor output) {
    boolean same = input.address() == output.address() && input.dtype() == output.dtype();
    for (int dim = 0; dim < 4; dim++) {
      same &= input.size(dim) == 1 || input.stride(dim) == output.stride(dim);
    }
    return same;
  }
}
