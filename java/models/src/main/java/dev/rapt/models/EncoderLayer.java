// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static dev.rapt.models.DeviceBuffers.Slot.HIDDEN;
import static dev.rapt.models.DeviceBuffers.Slot.INNER;
import static dev.rapt.models.DeviceBuffers.Slot.PROJECTED;
import static dev.rapt.models.DeviceBuffers.Slot.WEIGHTS;

import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One BERT layer: {@code h = norm(h + attention(h)); h = norm(h + down(gelu(up(h))))}. Attention
 * and all six matrix products run on the device; norms, GELU and residuals run row by row on the
 * CPU. Not thread-safe.
 */
final class EncoderLayer implements AutoCloseable {
  private final MultiHeadAttention attention;
  private final LayerNorm attentionNorm;
  private final Linear up;
  private final Linear down;
  private final LayerNorm outputNorm;
  private final DeviceBuffers buffers;

  /** Packs the layer's weights for the device; all layers share the buffers. */
  EncoderLayer(
      Device device, DeviceBuffers buffers, OnnxWeights weights, MiniLmConfig config, int layer) {
    this.buffers = buffers;
    String prefix = MiniLmConfig.layerPrefix(layer);
    // The device packs the matrices into memory of its own; these copies are only needed until
    // then.
    try (Arena arena = Arena.ofConfined()) {
      attention =
          MultiHeadAttention.builder(device)
              .heads(config.heads())
              .query(
                  matrix(arena, weights, prefix + "attention.self.query"),
                  bias(arena, weights, prefix + "attention.self.query"))
              .key(
                  matrix(arena, weights, prefix + "attention.self.key"),
                  bias(arena, weights, prefix + "attention.self.key"))
              .value(
                  matrix(arena, weights, prefix + "attention.self.value"),
                  bias(arena, weights, prefix + "attention.self.value"))
              .output(
                  matrix(arena, weights, prefix + "attention.output.dense"),
                  bias(arena, weights, prefix + "attention.output.dense"))
              .build();
      up = linear(device, arena, weights, prefix + "intermediate.dense");
      down = linear(device, arena, weights, prefix + "output.dense");
    }
    attentionNorm = norm(weights, prefix + "attention.output.LayerNorm", config);
    outputNorm = norm(weights, prefix + "output.LayerNorm", config);
  }

  private static Tensor matrix(Arena arena, OnnxWeights weights, String name) {
    return weights.projection(arena, name + ".bias");
  }

  private static Tensor bias(Arena arena, OnnxWeights weights, String name) {
    return weights.tensor(arena, name + ".bias");
  }

  private static Linear linear(Device device, Arena arena, OnnxWeights weights, String name) {
    return Linear.of(device, matrix(arena, weights, name), bias(arena, weights, name));
  }

  private static LayerNorm norm(OnnxWeights weights, String name, MiniLmConfig config) {
    return new LayerNorm(
        weights.array(name + ".weight"), weights.array(name + ".bias"), config.epsilon());
  }

  /**
   * Replaces {@code views.hidden()} (tokens, width) by the layer's result.
   *
   * @param weights (1, heads, length, length), F32, receives the attention weights of a batch of
   *     one text; null = none
   */
  LayerTime forward(EncoderBuffers.Views views, @Nullable Tensor weights, Rows rows) {
    long start = System.nanoTime();
    attend(views, weights);
    long attended = System.nanoTime();
    addAndNormalise(views, attentionNorm, rows);
    long normalised = System.nanoTime();
    up.run(up.device(), buffers.upload(HIDDEN, views.hidden()), buffers.of(INNER, views.inner()));
    buffers.download(INNER, views.inner());
    long raised = System.nanoTime();
    gelu(views.inner(), rows);
    long activated = System.nanoTime();
    down.run(
        down.device(),
        buffers.upload(INNER, views.inner()),
        buffers.of(PROJECTED, views.projected()));
    buffers.download(PROJECTED, views.projected());
    long lowered = System.nanoTime();
    addAndNormalise(views, outputNorm, rows);
    long end = System.nanoTime();
    return new LayerTime(
        attended - start,
        raised - normalised + (lowered - activated),
        normalised - attended + (activated - raised) + (end - lowered));
  }

  /** The device's plans for one text: attention, feed-forward up, feed-forward down. */
  List<Plan> plans(EncoderBuffers.Views views, @Nullable Tensor weights) {
    return List.of(
        attention.plan(
            attention.device(), attentionTensors(views, views.groups().getFirst(), weights)),
        up.plan(up.device(), buffers.of(HIDDEN, views.hidden()), buffers.of(INNER, views.inner())),
        down.plan(
            down.device(),
            buffers.of(INNER, views.inner()),
            buffers.of(PROJECTED, views.projected())));
  }

  private void attend(EncoderBuffers.Views views, @Nullable Tensor weights) {
    buffers.upload(HIDDEN, views.hidden());
    for (TokenBatch.Group group : views.groups()) {
      attention.run(attention.device(), attentionTensors(views, group, weights));
    }
    buffers.download(PROJECTED, views.projected());
    if (weights != null) {
      buffers.download(WEIGHTS, weights);
    }
  }

  private MultiHeadAttentionTensors attentionTensors(
      EncoderBuffers.Views views, TokenBatch.Group group, @Nullable Tensor weights) {
    Tensor hidden = EncoderBuffers.Views.of(group, buffers.of(HIDDEN, views.hidden()));
    Tensor projected = EncoderBuffers.Views.of(group, buffers.of(PROJECTED, views.projected()));
    MultiHeadAttentionTensors.Builder tensors =
        MultiHeadAttentionTensors.builder(hidden, hidden, hidden, projected);
    if (weights != null) {
      tensors.weights(buffers.of(WEIGHTS, weights));
    }
    return tensors.build();
  }

  private static void addAndNormalise(EncoderBuffers.Views views, LayerNorm norm, Rows rows) {
    MemorySegment hidden = views.hidden().segment();
    MemorySegment projected = views.projected().segment();
    rows.forEach(
        rowCount(views.hidden()),
        norm.width(),
        (row, sum, residual) -> {
          Rows.load(projected, row, sum);
          Rows.load(hidden, row, residual);
          Rows.add(sum, residual);
          norm.apply(sum);
          Rows.store(sum, hidden, row);
        });
  }

  private static void gelu(Tensor inner, Rows rows) {
    MemorySegment segment = inner.segment();
    rows.forEach(
        rowCount(inner),
        Math.toIntExact(inner.size(1)),
        (row, values, unused) -> {
          Rows.load(segment, row, values);
          Gelu.apply(values, values.length);
          Rows.store(values, segment, row);
        });
  }

  private static int rowCount(Tensor tensor) {
    return Math.toIntExact(tensor.size(0));
  }

  @Override
  public void close() {
    attention.close();
    up.close();
    down.close();
  }
}
