// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static dev.rapt.models.DeviceBuffers.Slot.ATTENDED;
import static dev.rapt.models.DeviceBuffers.Slot.HIDDEN;
import static dev.rapt.models.DeviceBuffers.Slot.INNER;
import static dev.rapt.models.DeviceBuffers.Slot.PROJECTED;
import static dev.rapt.models.DeviceBuffers.Slot.PROJECTIONS;
import static dev.rapt.models.DeviceBuffers.Slot.WEIGHTS;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Gelu;
import dev.rapt.Linear;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One BERT layer: {@code h = norm(h + attention(h)); h = norm(h + down(gelu(up(h))))}. Attention
 * and all four matrix products run on the device; norms, GELU and residuals run on the host, which
 * is the same device unless that is a GPU. Not thread-safe.
 */
final class EncoderLayer implements AutoCloseable {
  private static final Attention ATTENTION = Attention.builder().build();
  private static final String[] QUERY_KEY_VALUE = {"query", "key", "value"};

  private final Device device;
  private final Device host;
  private final Linear projections;
  private final Linear output;
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
    this.device = device;
    this.host = host;
    this.buffers = buffers;
    String prefix = MiniLmConfig.layerPrefix(layer);
    String self = prefix + "attention.self.";
    // The device packs the matrices into memory of its own; these copies are only needed until
    // then.
    try (Arena arena = Arena.ofConfined()) {
      // In one product, which reads the rows once.
      int width = config.width();
      Tensor stacked = Tensor.allocate(arena, DType.F32, 3L * width, width);
      Tensor biases = Tensor.allocate(arena, DType.F32, 3L * width);
      for (int i = 0; i < QUERY_KEY_VALUE.length; i++) {
        long from = (long) i * width;
        stacked
            .slice(0, from, from + width)
            .copyFrom(matrix(arena, weights, self + QUERY_KEY_VALUE[i]));
        biases
            .slice(0, from, from + width)
            .copyFrom(bias(arena, weights, self + QUERY_KEY_VALUE[i]));
      }
      projections = Linear.of(device, stacked, biases);
      output = linear(device, arena, weights, prefix + "attention.output.dense");
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
   * @param calls of attention
   * @param weights what these calls leave their weights in, in host memory; null = none
   */
  LayerTime forward(
      EncoderBuffers.Views views, List<AttentionTensors> calls, @Nullable Tensor weights) {
    long start = System.nanoTime();
    attend(views, calls, weights);
    long attended = System.nanoTime();
    attentionNorm.apply(views.hidden(), views.projected());
    long normalised = System.nanoTime();
    up.run(device, buffers.upload(HIDDEN, views.hidden()), buffers.of(INNER, views.inner()));
    buffers.download(INNER, views.inner());
    long raised = System.nanoTime();
    Gelu.run(host, views.inner(), views.inner());
    long activated = System.nanoTime();
    down.run(
        device, buffers.upload(INNER, views.inner()), buffers.of(PROJECTED, views.projected()));
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
  List<Plan> plans(EncoderBuffers.Views views, List<AttentionTensors> calls) {
    Tensor inner = buffers.of(INNER, views.inner());
    return List.of(
        ATTENTION.plan(device, calls.getFirst()),
        up.plan(device, buffers.of(HIDDEN, views.hidden()), inner),
        down.plan(device, inner, buffers.of(PROJECTED, views.projected())));
  }

  private void attend(
      EncoderBuffers.Views views, List<AttentionTensors> calls, @Nullable Tensor weights) {
    projections.run(
        device,
        buffers.upload(HIDDEN, views.hidden()),
        buffers.of(PROJECTIONS, views.projections()));
    for (AttentionTensors call : calls) {
      ATTENTION.run(device, call);
    }
    output.run(
        device, buffers.of(ATTENDED, views.attended()), buffers.of(PROJECTED, views.projected()));
    buffers.download(PROJECTED, views.projected());
    if (weights != null) {
      buffers.download(WEIGHTS, weights);
    }
  }

  @Override
  public void close() {
    projections.close();
    output.close();
    up.close();
    down.close();
    norms.close();
  }
}
