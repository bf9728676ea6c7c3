// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;

/**
 * What a step computes on its way through the layers, a row per token. The memory is there once;
 * the tensors are views of its first rows, and are made anew where a step has other tokens than the
 * one before. Not thread-safe.
 */
final class Activations {
  private final LlamaConfig.Heads heads;
  private final Tensor[] all;
  private final Tensor[] views;
  private Tensor queryHeads;
  private Tensor keyHeads;
  private Tensor valueHeads;
  private Tensor attendedHeads;

  /** Which of them. */
  private enum Part {
    HIDDEN,
    NORMED,
    QUERY,
    KEY,
    VALUE,
    ATTENDED,
    PROJECTED,
    GATE,
    UP
  }

  /** Room for so many tokens. */
  Activations(Arena arena, LlamaConfig config, int mostTokens) {
    heads = config.heads();
    all = new Tensor[Part.values().length];
    for (Part part : Part.values()) {
      int columns =
          switch (part) {
            case HIDDEN, NORMED, PROJECTED -> config.width();
            case QUERY, ATTENDED -> heads.count() * heads.dim();
            case KEY, VALUE -> heads.kvCount() * heads.dim();
            case GATE, UP -> config.feedForward();
          };
      all[part.ordinal()] = Tensor.allocate(arena, DType.F32, mostTokens, columns);
    }
    views = all.clone();
    queryHeads = heads(Part.QUERY, heads.count());
    keyHeads = heads(Part.KEY, heads.kvCount());
    valueHeads = heads(Part.VALUE, heads.kvCount());
    attendedHeads = heads(Part.ATTENDED, heads.count());
  }

  /** (1, heads, tokens, dim). */
  private Tensor heads(Part part, int count) {
    Tensor rows = view(part);
    return rows.reshape(1, rows.size(0), count, heads.dim()).permute(0, 2, 1, 3);
  }

  /** Turns to the first rows, as many as there are tokens. */
  void resize(int tokens) {
    if (tokens == hidden().size(0)) {
      return;
    }
    for (int i = 0; i < views.length; i++) {
      views[i] = all[i].slice(0, 0, tokens);
    }
    queryHeads = heads(Part.QUERY, heads.count());
    keyHeads = heads(Part.KEY, heads.kvCount());
    valueHeads = heads(Part.VALUE, heads.kvCount());
    attendedHeads = heads(Part.ATTENDED, heads.count());
  }

  private Tensor view(Part part) {
    return views[part.ordinal()];
  }

  /** (tokens, width): the sum that runs through the layers. */
  Tensor hidden() {
    return view(Part.HIDDEN);
  }

  /** (tokens, width): the sum, normalised. */
  Tensor normed() {
    return view(Part.NORMED);
  }

  /** (tokens, heads * dim). */
  Tensor query() {
    return view(Part.QUERY);
  }

  /** (tokens, kv heads * dim). */
  Tensor key() {
    return view(Part.KEY);
  }

  /** (tokens, kv heads * dim). */
  Tensor value() {
    return view(Part.VALUE);
  }

  /** (tokens, heads * dim): the output of attention. */
  Tensor attended() {
    return view(Part.ATTENDED);
  }

  /** (tokens, width): what a layer's half adds to the sum. */
  Tensor projected() {
    return view(Part.PROJECTED);
  }

  /** (tokens, feed-forward width). */
  Tensor gate() {
    return view(Part.GATE);
  }

  /** (tokens, feed-forward width). */
  Tensor up() {
    return view(Part.UP);
  }

  /** (1, heads, tokens, dim): a view of {@link #query}. */
  Tensor queryHeads() {
    return queryHeads;
  }

  /** (1, kv heads, tokens, dim): a view of {@link #key}. */
  Tensor keyHeads() {
    return keyHeads;
  }

  /** (1, kv heads, tokens, dim): a view of {@link #value}. */
  Tensor valueHeads() {
    return valueHeads;
  }

  /** (1, heads, tokens, dim): a view of {@link #attended}. */
  Tensor attendedHeads() {
    return attendedHeads;
  }
}
