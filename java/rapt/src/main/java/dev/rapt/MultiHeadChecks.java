// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.MultiHeadModel;
import org.jspecify.annotations.Nullable;

/** What the tensors of one multi-head attention call must satisfy. */
final class MultiHeadChecks {
  private MultiHeadChecks() {}

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
    Checks.heads(heads, kvHeads);
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

  static void call(
      MultiHeadModel model,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    int rank = query.rank();
    if (rank != 2 && rank != 3) {
      throw new IllegalArgumentException(
          "query is " + query + "; allowed: rank 3 (B, Sq, Eq) or rank 2 (Sq, Eq)");
    }
    long batch = rank == 3 ? query.size(0) : 1;
    long queryLen = query.size(rank - 2);
    Checks.rank("key", key, rank, "as the query");
    Checks.rank("value", value, rank, "as the query");
    Checks.rank("output", output, rank, "as the query");
    long kvLen = key.size(rank - 2);
    Checks.numbers("query", query);
    Checks.numbers("key", key);
    Checks.numbers("value", value);
    Checks.output("output", output);
    if (rank == 3) {
      Checks.size("key", key, 0, batch, "the query's batch");
      Checks.size("value", value, 0, batch, "the query's batch");
      Checks.size("output", output, 0, batch, "the query's batch");
    }
    Checks.size("value", value, rank - 2, kvLen, "the key's length");
    Checks.size("output", output, rank - 2, queryLen, "the query's length");
    Checks.size("query", query, rank - 1, model.query().inFeatures(), "what is projected");
    Checks.size("key", key, rank - 1, model.key().inFeatures(), "what is projected");
    Checks.size("value", value, rank - 1, model.value().inFeatures(), "what is projected");
    Checks.size("output", output, rank - 1, model.outFeatures(), "what is projected");
    AttentionChecks.optional(batch, model.heads(), queryLen, kvLen, mask, bias, alibiSlopes, sinks);
    if (keyPaddingMask != null) {
      Checks.input("keyPaddingMask", keyPaddingMask, DType.BOOL);
      Checks.broadcast("keyPaddingMask", keyPaddingMask, 2, 0, 0, batch, kvLen);
    }
    if (lse != null) {
      Checks.outputOf("lse", lse, DType.F32);
      shape("lse", lse, rank == 3, batch, model.heads(), queryLen, -1);
    }
    if (weights != null) {
      long total = kvLen + model.appended();
      Checks.outputOf("weights", weights, DType.F32);
      shape(
          "weights",
          weights,
          rank == 3,
          batch,
          model.averageWeights() ? -1 : model.heads(),
          queryLen,
          total);
    }
    apart("output", output, query, key, value, mask, bias, keyPaddingMask, alibiSlopes, sinks);
    if (lse != null) {
      apart("lse", lse, query, key, value, mask, bias, keyPaddingMask, alibiSlopes, sinks);
      Checks.disjoint("lse", lse, "output", output);
    }
    if (weights != null) {
      apart("weights", weights, query, key, value, mask, bias, keyPaddingMask, alibiSlopes, sinks);
      Checks.disjoint("weights", weights, "output", output);
      Checks.disjoint("weights", weights, "lse", lse);
    }
  }

  /**
   * That an output is (batch, heads, rows, columns), less the batch where unbatched and each -1.
   */
  private static void shape(
      String name,
      Tensor tensor,
      boolean batched,
      long batch,
      long heads,
      long rows,
      long columns) {
    int rank = 1 + (batched ? 1 : 0) + (heads < 0 ? 0 : 1) + (columns < 0 ? 0 : 1);
    boolean fits = tensor.rank() == rank;
    int dim = 0;
    if (fits && batched) {
      fits = tensor.size(dim++) == batch;
    }
    if (fits && heads >= 0) {
      fits = tensor.size(dim++) == heads;
    }
    fits = fits && tensor.size(dim++) == rows;
    fits = fits && (columns < 0 || tensor.size(dim) == columns);
    if (!fits) {
      throw new IllegalArgumentException(
          name
              + " is "
              + tensor
              + "; allowed: ("
              + (batched ? batch + ", " : "")
              + (heads < 0 ? "" : heads + ", ")
              + rows
              + (columns < 0 ? "" : ", " + columns)
              + ")");
    }
  }

  private static void apart(
      String name,
      Tensor output,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks) {
    AttentionChecks.apart(name, output, query, key, value, mask, bias, alibiSlopes, sinks);
    Checks.disjoint(name, output, "keyPaddingMask", keyPaddingMask);
  }

  /** That all tensors lie where the call runs. */
  static void admit(
      Place place,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    AttentionChecks.admit(
        place, query, key, value, output, mask, bias, alibiSlopes, sinks, lse, weights);
    place.admit("keyPaddingMask", keyPaddingMask);
  }
}
