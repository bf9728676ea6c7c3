// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.AppendTensors;
import dev.rapt.AttentionTensors;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The operands of a step's calls by layer, which are made once for the same tensors and tables. */
final class LayerCalls {
  private final KvCache cache;
  private final StepTables tables;
  private final @Nullable Appending[] appending;
  private final @Nullable AttentionTensors[] attending;

  private record Appending(
      Tensor key,
      Tensor value,
      @Nullable Tensor query,
      RotaryEmbedding.@Nullable Tables angles,
      AppendTensors tensors) {}

  LayerCalls(KvCache cache, StepTables tables) {
    this.cache = cache;
    this.tables = tables;
    appending = new Appending[cache.layers()];
    attending = new AttentionTensors[cache.layers()];
  }

  /** The tables have other views. */
  void forget() {
    Arrays.fill(appending, null);
    Arrays.fill(attending, null);
  }

  AppendTensors append(
      int layer,
      Tensor key,
      Tensor value,
      @Nullable Tensor query,
      RotaryEmbedding.@Nullable Tables angles) {
    Appending last = appending[layer];
    if (last != null
        && last.key == key
        && last.value == value
        && last.query == query
        && last.angles == angles) {
      return last.tensors;
    }
    AppendTensors.Builder builder =
        AppendTensors.builder(key, value, tables.slots(), cache.keys(layer), cache.values(layer))
            .query(query)
            .tables(angles);
    if (angles != null) {
      builder.positions(tables.positions());
    }
    if (cache.shape().scaled()) {
      builder.keyScale(cache.keyScales(layer)).valueScale(cache.valueScales(layer));
    }
    AppendTensors tensors = builder.build();
    appending[layer] = new Appending(key, value, query, angles, tensors);
    return tensors;
  }

  AttentionTensors attend(int layer, Tensor query, Tensor output) {
    AttentionTensors last = attending[layer];
    if (last != null && last.query() == query && last.output() == output) {
      return last;
    }
    AttentionTensors.Builder builder =
        AttentionTensors.builder(query, cache.keys(layer), cache.values(layer), output)
            .queryStarts(tables.starts(), tables.longestQuery())
            .keyLengths(tables.lengths())
            .pageTable(tables.table(), tables.longestKey());
    if (cache.shape().scaled()) {
      builder.keyScale(cache.keyScales(layer)).valueScale(cache.valueScales(layer));
    }
    AttentionTensors tensors = builder.build();
    attending[layer] = tensors;
    return tensors;
  }
}
