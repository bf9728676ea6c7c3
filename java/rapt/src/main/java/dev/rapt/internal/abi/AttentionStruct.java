// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.AttentionOptions;
import dev.rapt.internal.ffi.rapt_sdpa;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Writes a rapt_sdpa. Every field that a call reads is written anew; struct_size stays. */
final class AttentionStruct {
  private static final long QUERY = rapt_sdpa.query$offset();
  private static final long KEY = rapt_sdpa.key$offset();
  private static final long VALUE = rapt_sdpa.value$offset();
  private static final long OUTPUT = rapt_sdpa.output$offset();
  private static final long MASK = rapt_sdpa.mask$offset();
  private static final long BIAS = rapt_sdpa.bias$offset();
  private static final long ALIBI_SLOPES = rapt_sdpa.alibi_slopes$offset();
  private static final long SINKS = rapt_sdpa.sinks$offset();
  private static final long LSE = rapt_sdpa.lse$offset();
  private static final long WEIGHTS = rapt_sdpa.weights$offset();
  private static final long BATCH = rapt_sdpa.batch$offset();
  private static final long QUERY_HEADS = rapt_sdpa.query_heads$offset();
  private static final long KV_HEADS = rapt_sdpa.kv_heads$offset();
  private static final long QUERY_LEN = rapt_sdpa.query_len$offset();
  private static final long KV_LEN = rapt_sdpa.kv_len$offset();
  private static final long HEAD_DIM = rapt_sdpa.head_dim$offset();
  private static final long VALUE_DIM = rapt_sdpa.value_dim$offset();
  private static final long OPTIONS = rapt_sdpa.options$offset();
  private static final long KEY_SCALE = rapt_sdpa.key_scale$offset();
  private static final long VALUE_SCALE = rapt_sdpa.value_scale$offset();
  private static final long KEY_SCALE_GROUPS = rapt_sdpa.key_scale_groups$offset();
  private static final long VALUE_SCALE_GROUPS = rapt_sdpa.value_scale_groups$offset();

  private AttentionStruct() {}

  /** Without an output, for planning, a contiguous one of the query's type is imagined. */
  static void write(
      MemorySegment call,
      MemorySegment stream,
      AttentionOptions options,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights,
      @Nullable Tensor keyScale,
      @Nullable Tensor valueScale) {
    long heads = query.size(1);
    long queryLen = query.size(2);
    long kvLen = key.size(2);
    long valueDim = value.size(3);
    HeadStruct.stream(call, stream);
    TensorStruct.write(call, QUERY, query, 4);
    TensorStruct.write(call, KEY, key, 4);
    TensorStruct.write(call, VALUE, value, 4);
    if (output == null) {
      TensorStruct.imagine(call, OUTPUT, query.dtype(), heads, queryLen, valueDim);
    } else {
      TensorStruct.write(call, OUTPUT, output, 4);
    }
    TensorStruct.broadcast(call, MASK, mask, 4);
    TensorStruct.broadcast(call, BIAS, bias, 4);
    TensorStruct.broadcast(call, ALIBI_SLOPES, alibiSlopes, 2);
    TensorStruct.broadcast(call, SINKS, sinks, 2);
    TensorStruct.writeOptional(call, LSE, lse, 3);
    TensorStruct.writeOptional(call, WEIGHTS, weights, 4);
    scale(call, KEY_SCALE, KEY_SCALE_GROUPS, keyScale);
    scale(call, VALUE_SCALE, VALUE_SCALE_GROUPS, valueScale);
    call.set(ValueLayout.JAVA_LONG, BATCH, query.size(0));
    call.set(ValueLayout.JAVA_LONG, QUERY_HEADS, heads);
    call.set(ValueLayout.JAVA_LONG, KV_HEADS, key.size(1));
    call.set(ValueLayout.JAVA_LONG, QUERY_LEN, queryLen);
    call.set(ValueLayout.JAVA_LONG, KV_LEN, kvLen);
    call.set(ValueLayout.JAVA_LONG, HEAD_DIM, query.size(3));
    call.set(ValueLayout.JAVA_LONG, VALUE_DIM, valueDim);
    OptionsStruct.write(call, OPTIONS, options, queryLen, kvLen);
  }

  /** A scale of rank 3 is one of a single group. */
  private static void scale(MemorySegment call, long field, long groups, @Nullable Tensor scale) {
    boolean grouped = scale != null && scale.rank() == 4;
    TensorStruct.writeOptional(call, field, scale, grouped ? 4 : 3);
    if (!grouped) {
      TensorStruct.stride(call, field, 3, 0);
    }
    call.set(ValueLayout.JAVA_LONG, groups, scale == null ? 0 : grouped ? scale.size(3) : 1);
  }
}
