// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static dev.rapt.models.DeviceBuffers.Slot.ATTENDED;
import static dev.rapt.models.DeviceBuffers.Slot.PROJECTIONS;
import static dev.rapt.models.DeviceBuffers.Slot.WEIGHTS;

import dev.rapt.AttentionTensors;
import dev.rapt.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The operands of attention for a batch, the same in each layer: one ragged call for all texts, or
 * on a GPU, where ragged calls keep to plain cores, one for the texts of each length.
 */
final class AttentionCalls {
  private AttentionCalls() {}

  /**
   * The calls of a batch.
   *
   * @param weights (1, heads, length, length), F32, receives the attention weights of a batch of
   *     one text; null = none
   */
  static List<AttentionTensors> of(
      TokenBatch batch,
      int heads,
      EncoderBuffers.Views views,
      DeviceBuffers buffers,
      @Nullable Tensor weights) {
    Tensor projections = buffers.of(PROJECTIONS, views.projections());
    Tensor attended = buffers.of(ATTENDED, views.attended());
    Tensor received = weights == null ? null : buffers.of(WEIGHTS, weights);
    if (!buffers.areOnHost()) {
      return grouped(batch, heads, projections, attended, received);
    }
    int longest = batch.longest();
    return List.of(
        builder(all(batch), heads, projections, attended)
            .queryStarts(views.starts(), longest)
            .keyStarts(views.starts(), longest)
            .weights(received)
            .build());
  }

  /** One call for the texts of each length. */
  static List<AttentionTensors> grouped(
      TokenBatch batch, int heads, Tensor projections, Tensor attended, @Nullable Tensor weights) {
    return batch.groups().stream()
        .map(group -> builder(group, heads, projections, attended).weights(weights).build())
        .toList();
  }

  private static TokenBatch.Group all(TokenBatch batch) {
    return new TokenBatch.Group(0, 1, batch.tokens());
  }

  private static AttentionTensors.Builder builder(
      TokenBatch.Group group, int heads, Tensor projections, Tensor attended) {
    Tensor three = heads(group, projections, 3 * heads);
    return AttentionTensors.builder(
        three.slice(1, 0, heads),
        three.slice(1, heads, 2L * heads),
        three.slice(1, 2L * heads, 3L * heads),
        heads(group, attended, heads));
  }

  /** The rows of a group, (tokens, heads * dim), as (size, heads, length, dim). */
  private static Tensor heads(TokenBatch.Group group, Tensor rows, int heads) {
    return rows.slice(0, group.firstRow(), group.firstRow() + group.rows())
        .reshape(group.size(), group.length(), heads, rows.size(1) / heads)
        .permute(0, 2, 1, 3);
  }
}
