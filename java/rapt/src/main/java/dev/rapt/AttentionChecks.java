// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import org.jspecify.annotations.Nullable;

/** What the tensors of one attention call must satisfy. */
final class AttentionChecks {
  private AttentionChecks() {}

  /** The three inputs, which alone decide every size, and the scales that I8 ones need. */
  static void inputs(
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor keyScale,
      @Nullable Tensor valueScale) {
    Checks.rank("query", query, 4, "(B, Hq, Sq, D)");
    Checks.rank("key", key, 4, "(B, Hkv, Skv, D)");
    Checks.rank("value", value, 4, "(B, Hkv, Skv, Dv)");
    Checks.numbers("query", query);
    Checks.numbersOrI8("key", key);
    Checks.numbersOrI8("value", value);
    Checks.size("key", key, 0, query.size(0), "the query's batch");
    Checks.size("value", value, 0, query.size(0), "the query's batch");
    Checks.size("value", value, 1, key.size(1), "the key's heads");
    Checks.size("value", value, 2, key.size(2), "the key's length");
    Checks.size("key", key, 3, query.size(3), "the query's head dimension");
    Checks.headDim("head dimension of query", query.size(3));
    Checks.headDim("head dimension of value", value.size(3));
    Checks.heads(query.size(1), key.size(1));
    scale("keyScale", keyScale, "key", key);
    scale("valueScale", valueScale, "value", value);
  }

  /** That an I8 tensor has a scale that fits, and no other has one. */
  private static void scale(String name, @Nullable Tensor scale, String ofName, Tensor of) {
    if (of.dtype() != DType.I8) {
      if (scale != null) {
        throw new IllegalArgumentException(
            name + " is " + scale + "; allowed: none, because " + ofName + " is " + of);
      }
      return;
    }
    if (scale == null) {
      throw new IllegalArgumentException(
          name + " is missing; needed, because " + ofName + " is " + of);
    }
    Checks.input(name, scale, DType.F32);
    if (scale.rank() != 3) {
      Checks.rank(name, scale, 4, "(B, Hkv, Skv, G), or rank 3 (B, Hkv, Skv)");
      long groups = scale.size(3);
      if (groups < 1 || of.size(3) % groups != 0) {
        throw new IllegalArgumentException(
            name
                + " is "
                + scale
                + " with "
                + groups
                + " groups; allowed: the divisors of "
                + of.size(3)
                + ", the elements of a row of "
                + ofName);
      }
    }
    Checks.size(name, scale, 0, of.size(0), "the batch of what it scales");
    Checks.size(name, scale, 1, of.size(1), "the heads of what it scales");
    Checks.size(name, scale, 2, of.size(2), "the length of what it scales");
  }

  /** Everything else; {@link #inputs} has passed. */
  static void others(
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    long batch = query.size(0);
    long heads = query.size(1);
    long queryLen = query.size(2);
    long kvLen = key.size(2);
    Checks.rank("output", output, 4, "(B, Hq, Sq, Dv)");
    Checks.output("output", output);
    Checks.size("output", output, 0, batch, "the query's batch");
    Checks.size("output", output, 1, heads, "the query's heads");
    Checks.size("output", output, 2, queryLen, "the query's length");
    Checks.size("output", output, 3, value.size(3), "the value's head dimension");
    optional(batch, heads, queryLen, kvLen, mask, bias, alibiSlopes, sinks);
    if (lse != null) {
      Checks.rank("lse", lse, 3, "(B, Hq, Sq)");
      Checks.outputOf("lse", lse, DType.F32);
      Checks.size("lse", lse, 0, batch, "the query's batch");
      Checks.size("lse", lse, 1, heads, "the query's heads");
      Checks.size("lse", lse, 2, queryLen, "the query's length");
    }
    if (weights != null) {
      Checks.rank("weights", weights, 4, "(B, Hq, Sq, Skv)");
      Checks.outputOf("weights", weights, DType.F32);
      Checks.size("weights", weights, 0, batch, "the query's batch");
      Checks.size("weights", weights, 1, heads, "the query's heads");
      Checks.size("weights", weights, 2, queryLen, "the query's length");
      Checks.size("weights", weights, 3, kvLen, "the key's length");
    }
    apart("output", output, query, key, value, mask, bias, alibiSlopes, sinks);
    if (lse != null) {
      apart("lse", lse, query, key, value, mask, bias, alibiSlopes, sinks);
      Checks.disjoint("lse", lse, "output", output);
    }
    if (weights != null) {
      apart("weights", weights, query, key, value, mask, bias, alibiSlopes, sinks);
      Checks.disjoint("weights", weights, "output", output);
      Checks.disjoint("weights", weights, "lse", lse);
    }
  }

  /** What else the scales must satisfy; everything before has passed. */
  static void scales(Place place, AttentionTensors tensors) {
    scaleApart(place, "keyScale", tensors.keyScale(), tensors);
    scaleApart(place, "valueScale", tensors.valueScale(), tensors);
  }

  private static void scaleApart(
      Place place, String name, @Nullable Tensor scale, AttentionTensors tensors) {
    if (scale != null) {
      apart("output", tensors.output(), name, scale);
      apart("lse", tensors.lse(), name, scale);
      apart("weights", tensors.weights(), name, scale);
      place.admit(name, scale);
    }
  }

  private static void apart(String outputName, @Nullable Tensor output, String name, Tensor input) {
    if (output != null) {
      Checks.disjoint(outputName, output, name, input);
    }
  }

  /** That all tensors lie where the call runs. */
  static void admit(
      Place place,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights) {
    place.admit("query", query);
    place.admit("key", key);
    place.admit("value", value);
    place.admit("output", output);
    place.admit("mask", mask);
    place.admit("bias", bias);
    place.admit("alibiSlopes", alibiSlopes);
    place.admit("sinks", sinks);
    place.admit("lse", lse);
    place.admit("weights", weights);
  }

  /** The optional inputs, which multi-head attention has too. */
  static void optional(
      long batch,
      long heads,
      long queryLen,
      long kvLen,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks) {
    if (mask != null) {
      Checks.input("mask", mask, DType.BOOL);
      Checks.broadcast("mask", mask, 4, batch, heads, queryLen, kvLen);
    }
    if (bias != null) {
      Checks.numbers("bias", bias);
      Checks.broadcast("bias", bias, 4, batch, heads, queryLen, kvLen);
    }
    if (alibiSlopes != null) {
      Checks.input("alibiSlopes", alibiSlopes, DType.F32);
      Checks.broadcast("alibiSlopes", alibiSlopes, 2, 0, 0, batch, heads);
    }
    if (sinks != null) {
      Checks.input("sinks", sinks, DType.F32);
      Checks.broadcast("sinks", sinks, 2, 0, 0, batch, heads);
    }
  }

  /** That writing one output cannot change an input. */
  static void apart(
      String name,
      Tensor output,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks) {
    Checks.disjoint(name, output, "query", query);
    Checks.disjoint(name, output, "key", key);
    Checks.disjoint(name, output, "value", value);
    Checks.disjoint(name, output, "mask", mask);
    Checks.disjoint(name, output, "bias", bias);
    Checks.disjoint(name, output, "alibiSlopes", alibiSlopes);
    Checks.disjoint(name, output, "sinks", sinks);
  }
}
