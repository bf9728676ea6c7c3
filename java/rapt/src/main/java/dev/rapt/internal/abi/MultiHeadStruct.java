// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Tensor;
import dev.rapt.internal.MultiHeadModel;
import dev.rapt.internal.Projection;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_mha;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Writes a rapt_mha. Every field that a call reads is written anew; struct_size stays. */
final class MultiHeadStruct {
  private static final long QUERY_PROJECTION = rapt_mha.query_projection$offset();
  private static final long KEY_PROJECTION = rapt_mha.key_projection$offset();
  private static final long VALUE_PROJECTION = rapt_mha.value_projection$offset();
  private static final long OUTPUT_PROJECTION = rapt_mha.output_projection$offset();
  private static final long QUERY = rapt_mha.query$offset();
  private static final long KEY = rapt_mha.key$offset();
  private static final long VALUE = rapt_mha.value$offset();
  private static final long OUTPUT = rapt_mha.output$offset();
  private static final long MASK = rapt_mha.mask$offset();
  private static final long BIAS = rapt_mha.bias$offset();
  private static final long KEY_PADDING_MASK = rapt_mha.key_padding_mask$offset();
  private static final long BIAS_KEY = rapt_mha.bias_key$offset();
  private static final long BIAS_VALUE = rapt_mha.bias_value$offset();
  private static final long ALIBI_SLOPES = rapt_mha.alibi_slopes$offset();
  private static final long SINKS = rapt_mha.sinks$offset();
  private static final long LSE = rapt_mha.lse$offset();
  private static final long WEIGHTS = rapt_mha.weights$offset();
  private static final long BATCH = rapt_mha.batch$offset();
  private static final long QUERY_HEADS = rapt_mha.query_heads$offset();
  private static final long KV_HEADS = rapt_mha.kv_heads$offset();
  private static final long QUERY_LEN = rapt_mha.query_len$offset();
  private static final long KV_LEN = rapt_mha.kv_len$offset();
  private static final long OPTIONS = rapt_mha.options$offset();
  private static final long FLAGS = rapt_mha.mha_flags$offset();

  private MultiHeadStruct() {}

  /** The model, the required tensors and the sizes. */
  static void write(
      MemorySegment call,
      MemorySegment stream,
      MultiHeadModel model,
      Tensor query,
      Tensor key,
      Tensor value,
      Tensor output) {
    long queryLen = query.size(query.rank() - 2);
    long kvLen = key.size(key.rank() - 2);
    call.set(ValueLayout.ADDRESS, QUERY_PROJECTION, weights(model.query()));
    call.set(ValueLayout.ADDRESS, KEY_PROJECTION, weights(model.key()));
    call.set(ValueLayout.ADDRESS, VALUE_PROJECTION, weights(model.value()));
    call.set(ValueLayout.ADDRESS, OUTPUT_PROJECTION, weights(model.output()));
    HeadStruct.stream(call, stream);
    TensorStruct.write(call, QUERY, query, 3);
    TensorStruct.write(call, KEY, key, 3);
    TensorStruct.write(call, VALUE, value, 3);
    TensorStruct.write(call, OUTPUT, output, 3);
    TensorStruct.writeOptional(call, BIAS_KEY, model.biasKey(), 1);
    TensorStruct.writeOptional(call, BIAS_VALUE, model.biasValue(), 1);
    call.set(ValueLayout.JAVA_LONG, BATCH, query.rank() == 3 ? query.size(0) : 1);
    call.set(ValueLayout.JAVA_LONG, QUERY_HEADS, model.heads());
    call.set(ValueLayout.JAVA_LONG, KV_HEADS, model.kvHeads());
    call.set(ValueLayout.JAVA_LONG, QUERY_LEN, queryLen);
    call.set(ValueLayout.JAVA_LONG, KV_LEN, kvLen);
    OptionsStruct.write(call, OPTIONS, model.options(), queryLen, kvLen);
    call.set(ValueLayout.JAVA_INT, FLAGS, flags(model));
  }

  /** The optional tensors. */
  static void writeOptional(
      MemorySegment call,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor keyPaddingMask,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights,
      MultiHeadModel model) {
    TensorStruct.broadcast(call, MASK, mask, 4);
    TensorStruct.broadcast(call, BIAS, bias, 4);
    TensorStruct.broadcast(call, KEY_PADDING_MASK, keyPaddingMask, 2);
    TensorStruct.broadcast(call, ALIBI_SLOPES, alibiSlopes, 2);
    TensorStruct.broadcast(call, SINKS, sinks, 2);
    TensorStruct.writeOptional(call, LSE, lse, 3);
    if (weights == null || !model.averageWeights()) {
      TensorStruct.writeOptional(call, WEIGHTS, weights, 4);
    } else {
      writeAveraged(call, weights);
    }
  }

  /** (B, Sq, T) or (Sq, T) in a struct whose dimension 1, the heads, is unused. */
  private static void writeAveraged(MemorySegment call, Tensor weights) {
    TensorStruct.write(call, WEIGHTS, weights, 4);
    int last = weights.rank() - 1;
    TensorStruct.stride(call, WEIGHTS, 0, last == 2 ? weights.stride(0) : 0);
    TensorStruct.stride(call, WEIGHTS, 1, 0);
  }

  private static MemorySegment weights(@Nullable Projection projection) {
    return projection == null ? MemorySegment.NULL : ((NativeProjection) projection).weights();
  }

  private static int flags(MultiHeadModel model) {
    return (model.zeroAttention() ? rapt_h.RAPT_MHA_ADD_ZERO_ATTENTION() : 0)
        | (model.averageWeights() ? rapt_h.RAPT_MHA_AVERAGE_WEIGHTS() : 0);
  }
}
