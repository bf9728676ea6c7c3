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

  static Tensor given(String name, @Nullable Tensor weight) {
    if (weight == null) {
      throw new IllegalArgumentException(
          name + " projection is missing; allowed: one set by " + name + "() or inProjection()");
    }
    return weight;
  }

  /** That the weights, each of them checked already, fit together. */
  static void model(
      int heads,
      int kvHeads,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor output,
      @Nullable Tensor biasKey,
      @Nullable Tensor biasValue) {
    SdpaOperation.heads(heads, kvHeads);
    divisible("query weight", query, heads, "heads");
    divisible("value weight", value, kvHeads, "kvHeads");
    long headDim = query.size(0) / heads;
    long valueDim = value.size(0) / kvHeads;
    Checks.headDim("head dimension of the query projection", headDim);
    Checks.headDim("head dimension of the value projection", valueDim);
    Checks.size("key weight", key, 0, kvHeads * headDim, "kvHeads times the head dimension");
    if (output != null) {
      Checks.size("output weight", output, 1, heads * valueDim, "heads times the value dimension");
    }
    if (biasKey != null && biasValue != null) {
      Checks.rank("biasKey", biasKey, 1, "(Hkv * D)");
      Checks.rank("biasValue", biasValue, 1, "(Hkv * Dv)");
      Checks.numbers("biasKey", biasKey);
      Checks.numbers("biasValue", biasValue);
      Checks.size("biasKey", biasKey, 0, kvHeads * headDim, "the rows of key weight");
      Checks.size("biasValue", biasValue, 0, value.size(0), "the rows of value weight");
    }
  }

  private static void divisible(String name, Tensor weight, int heads, String what) {
    if (weight.size(0) % heads != 0) {
      throw new IllegalArgumentException(
          name
              + " is "
              + weight
              + " with "
              + weight.size(0)
              + " rows; allowed: a multiple of "
              + heads
              + " "
              + what);
    }
  }
}
