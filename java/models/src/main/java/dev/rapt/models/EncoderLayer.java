// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static dev.rapt.models.DeviceBuffers.Slot.HIDDEN;
import static dev.rapt.models.DeviceBuffers.Slot.INNER;
import static dev.rapt.models.DeviceBuffers.Slot.PROJECTED;
import static dev.rapt.models.DeviceBuffers.Slot.WEIGHTS;

import dev.rapt.Device;
import dev.rapt.Gelu;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One BERT layer: {@code h = norm(h + attention(h)); h = norm(h + down(gelu(up(h))))}. Attention
 * and all six matrix products run on the device; norms, GELU and residuals run on the host, which
 * is the same device unless that is a GPU. Not thread-safe.
 */
final class EncoderLayer implements AutoCloseable {
  private final Device host;
  private final MultiHeadAttention attention;
  private final Norm attentionNorm;
  private final Linear up;
  private final Linear down;
  private final Norm outputNorm;
  private final DeviceBuffers buffers;
  private final Arena norms = Arena.ofShared();

  /** Packs the layer's weights for the device; all layers share the buffers. */
  EncoderLayer(
      Device device,
      Device host,
      DeviceBuffers buffers,
      OnnxWeights weights,
      MiniLmConfig config,
      int layer) {
    this.host = host;
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
    attentionNorm = new Norm(host, norms, weights, prefix + "attention.output.LayerNorm", config);
    outputNorm = new Norm(host, norms, weights, prefix + "output.LayerNorm", config);
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

  /**
   * Replaces {@code views.hidden()} (tokens, width) by the layer's result.
   *
   * @param weights (1, heads, length, length), F32, receives the attention weights of a batch of
   *     one text; null = none
   */
  LayerTime forward(EncoderBuffers.Views views, @Nullable Tensor weights) {
    long start = System.nanoTime();
    attend(views, weights);
    long attended = System.nanoTime();
    attentionNorm.apply(views.hidden(), views.projected());
    long normalised = System.nanoTime();
    up.run(up.device(), buffers.upload(HIDDEN, views.hidden()), buffers.of(INNER, views.inner()));
    buffers.download(INNER, views.inner());
    long raised = System.nanoTime();
    Gelu.run(host, views.inner(), views.inner());
    long activated = System.nanoTime();
    down.run(
        down.device(),
        buffers.upload(INNER, views.inner()),
        buffers.of(PROJECTED, views.projected()));
    buffers.download(PROJECTED, views.projected());
    long lowered = System.nanoTime();
    outputNorm.apply(views.hidden(), views.projected());
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

  @Override
  public void close() {
    attention.close();
    up.close();
    down.close();
    norms.close();
  }
}
