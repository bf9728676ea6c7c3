// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.ops.SdpaOperation;
import org.jspecify.annotations.Nullable;

/** What the heads and weights of multi-head attention must satisfy. */
final class MhaChecks {
  private MhaChecks() {}

  static int positive(String name, int heads) {
    if (heads < 1) {
      throw new IllegalArgumentException(name + " is " + heads + "; allowed: 1 or more");
    }
    return heads;
  }

  static Projection given(String name, @Nullable Projection projection) {
    if (projection == null) {
      throw new IllegalArgumentException(
          name + " projection is missing; allowed: one set by " + name + "() or inProjection()");
    }
    return projection;
  }

  /** That the weights, each of them checked already, fit together. */
  static void model(
      int heads,
      int kvHeads,
      Projection query,
      Projection key,
      Projection value,
      @Nullable Projection output) {
    SdpaOperation.heads(heads, kvHeads);
    divisible(query, heads, "heads");
    divisible(value, kvHeads, "kvHeads");
    long headDim = query.weight().rows() / heads;
    long valueDim = value.weight().rows() / kvHeads;
    Checks.headDim("head dimension of the query projection", headDim);
    Checks.headDim("head dimension of the value projection", valueDim);
    key.size(0, kvHeads * headDim, "kvHeads times the head dimension");
    if (output != null) {
      output.size(1, heads * valueDim, "heads times the value dimension");
    }
  }

  /** That an appended key and value fit the projections. */
  static void appended(
      Projection key, Projection value, @Nullable Tensor biasKey, @Nullable Tensor biasValue) {
    if (biasKey != null && biasValue != null) {
      Checks.rank("biasKey", biasKey, 1, "(Hkv * D)");
      Checks.rank("biasValue", biasValue, 1, "(Hkv * Dv)");
      Checks.numbers("biasKey", biasKey);
      Checks.numbers("biasValue", biasValue);
      Checks.size("biasKey", biasKey, 0, key.weight().rows(), "the rows of key weight");
      Checks.size("biasValue", biasValue, 0, value.weight().rows(), "the rows of value weight");
    }
  }

  private static void divisible(Projection projection, int heads, String what) {
    long rows = projection.weight().rows();
    if (rows % heads != 0) {
      throw new IllegalArgumentException(
          projection.weightName()
              + " is "
              + projection.weight()
              + " with "
              + rows
              + " rows; allowed: a multiple of "
              + heads
              + " "
              + what);
    }
  }
}
