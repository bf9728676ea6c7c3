// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/**
 * What a step computes on its way through the layers, for a fixed number of tokens. A step after
 * the first one makes no objects, but for new views of the cache every few hundred tokens. Not
 * thread-safe.
 */
final class Activations {
  private final int tokens;
  private final ContiguousCache cache;
  private final Tensor hidden;
  private final Tensor normed;
  private final Tensor query;
  private final Tensor key;
  private final Tensor value;
  private final Tensor attended;
  private final Tensor projected;
  private final Tensor gate;
  private final Tensor up;
  private final Tensor positions;
  private final Tensor firstPosition;
  private final Tensor queryHeads;
  private final Tensor keyHeads;
  private final Tensor attendedHeads;
  private final AttentionTensors[] attention;
  private long viewLength;

  Activations(Arena arena, LlamaConfig config, ContiguousCache cache, int tokens) {
    this.tokens = tokens;
    this.cache = cache;
    LlamaConfig.Heads heads = config.heads();
    int queryWidth = heads.count() * heads.dim();
    int keyWidth = heads.kvCount() * heads.dim();
    hidden = Tensor.allocate(arena, DType.F32, tokens, config.width());
    normed = Tensor.allocate(arena, DType.F32, tokens, config.width());
    projected = Tensor.allocate(arena, DType.F32, tokens, config.width());
    query = Tensor.allocate(arena, DType.F32, tokens, queryWidth);
    attended = Tensor.allocate(arena, DType.F32, tokens, queryWidth);
    key = Tensor.allocate(arena, DType.F32, tokens, keyWidth);
    value = Tensor.allocate(arena, DType.F32, tokens, keyWidth);
    gate = Tensor.allocate(arena, DType.F32, tokens, config.feedForward());
    up = Tensor.allocate(arena, DType.F32, tokens, config.feedForward());
    positions = Tensor.allocate(arena, DType.I64, tokens);
    firstPosition = positions.slice(0, 0, 1);
    queryHeads = heads(query, heads.count(), heads.dim());
    keyHeads = heads(key, heads.kvCount(), heads.dim());
    attendedHeads = heads(attended, heads.count(), heads.dim());
    attention = new AttentionTensors[config.layers()];
  }

  /** (1, heads, tokens, dim). */
  private static Tensor heads(Tensor rows, int count, int dim) {
    return rows.reshape(1, rows.size(0), count, dim).permute(0, 2, 1, 3);
  }

  /** Tokens of a step. */
  int tokens() {
    return tokens;
  }

  /** Turns to the tokens behind those that the cache has. */
  void begin() {
    for (int i = 0; i < tokens; i++) {
      positions.segment().setAtIndex(ValueLayout.JAVA_LONG, i, cache.length() + (long) i);
    }
    long needed = cache.viewLength(tokens);
    if (needed != viewLength) {
      viewLength = needed;
      for (int layer = 0; layer < attention.length; layer++) {
        Tensor keys = cache.keys(layer, needed);
        Tensor values = cache.values(layer, needed);
        attention[layer] =
            AttentionTensors.builder(queryHeads, keys, values, attendedHeads)
                .positions(firstPosition)
                .build();
      }
    }
  }

  /** (tokens, width): the sum that runs through the layers. */
  Tensor hidden() {
    return hidden;
  }

  /** (tokens, width): the sum, normalised. */
  Tensor normed() {
    return normed;
  }

  /** (tokens, heads * dim). */
  Tensor query() {
    return query;
  }

  /** (tokens, kv heads * dim). */
  Tensor key() {
    return key;
  }

  /** (tokens, kv heads * dim). */
  Tensor value() {
    return value;
  }

  /** (tokens, heads * dim): the output of attention. */
  Tensor attended() {
    return attended;
  }

  /** (tokens, width): what a layer's half adds to the sum. */
  Tensor projected() {
    return projected;
  }

  /** (tokens, feed-forward width). */
  Tensor gate() {
    return gate;
  }

  /** (tokens, feed-forward width). */
  Tensor up() {
    return up;
  }

  /** (tokens). */
  Tensor positions() {
    return positions;
  }

  /** (1, heads, tokens, dim): a view of {@link #query}. */
  Tensor queryHeads() {
    return queryHeads;
  }

  /** (1, kv heads, tokens, dim): a view of {@link #key}. */
  Tensor keyHeads() {
    return keyHeads;
  }

  /** The operands of a layer's attention. */
  AttentionTensors attention(int layer) {
    return attention[layer];
  }
}
