// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.AttentionOptions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * (B, Hq, Sq, D), (B, Hkv, Skv, D), (B, Hkv, Skv, Dv) to (B, Hq, Sq, Dv): scaled dot-product
 * attention, softmax(softcap(scale * query . keyᵀ) + bias - alibi, masked) . value.
 *
 * <p>Query head h reads key/value head h / (Hq / Hkv). A row without a visible key gives output 0,
 * weights 0 and LSE -inf. What is masked never reaches a result, NaN included. Immutable; one
 * instance serves any number of threads and devices, and a call allocates nothing.
 */
public final class Attention {
  private final AttentionOptions options;

  private Attention(AttentionOptions options) {
    this.options = options;
  }

  /** A builder whose defaults are plain attention: scale 1/sqrt(D), nothing masked. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * (B, Hq, Sq, Dv) into {@code output}: attends on the calling thread and the device's, or on the
   * GPU; complete on return.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the device or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails
   */
  public void run(Device device, Tensor query, Tensor key, Tensor value, Tensor output) {
    Objects.requireNonNull(device, "device");
    runAt(device, query, key, value, output);
  }

  /** As {@link #run(Device, Tensor, Tensor, Tensor, Tensor)}, with optional inputs and outputs. */
  public void run(Device device, AttentionTensors tensors) {
    Objects.requireNonNull(device, "device");
    runAt(device, tensors);
  }

  /**
   * (B, Hq, Sq, Dv) into {@code output}: enqueues the call, and returns before it is done. Closing
   * a tensor's memory waits for it.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the stream, its device or a tensor's memory is closed
   * @throws RaptException where the call cannot be enqueued
   */
  public void run(CudaStream stream, Tensor query, Tensor key, Tensor value, Tensor output) {
    Objects.requireNonNull(stream, "stream");
    runAt(stream, query, key, value, output);
  }

  /**
   * As {@link #run(CudaStream, Tensor, Tensor, Tensor, Tensor)}, with optional inputs and outputs.
   */
  public void run(CudaStream stream, AttentionTensors tensors) {
    Objects.requireNonNull(stream, "stream");
    runAt(stream, tensors);
  }

  private void runAt(Place place, Tensor query, Tensor key, Tensor value, Tensor output) {
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(output, "output");
    AttentionChecks.inputs(query, key, value, null, null);
    AttentionChecks.others(query, key, value, output, null, null, null, null, null, null);
    AttentionChecks.admit(place, query, key, value, output, null, null, null, null, null, null);
    place.enter();
    try {
      place
          .backend()
          .attention(
              options, query, key, value, output, null, null, null, null, null, null, null, null);
    } finally {
      place.exit();
    }
  }

  private void runAt(Place place, AttentionTensors tensors) {
    Objects.requireNonNull(tensors, "tensors");
    check(place, tensors);
    place.enter();
    try {
      place
          .backend()
          .attention(
              options,
              tensors.query(),
              tensors.key(),
              tensors.value(),
              tensors.output(),
              tensors.mask(),
              tensors.bias(),
              tensors.alibiSlopes(),
              tensors.sinks(),
              tensors.lse(),
              tensors.weights(),
              tensors.keyScale(),
              tensors.valueScale());
    } finally {
      place.exit();
    }
  }

  /**
   * What {@link #run(Device, Tensor, Tensor, Tensor, Tensor)} would do with a contiguous output of
   * the query's type.
   */
  public Plan plan(Device device, Tensor query, Tensor key, Tensor value) {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(value, "value");
    AttentionChecks.inputs(query, key, value, null, null);
    AttentionChecks.admit(device, query, key, value, null, null, null, null, null, null, null);
    device.enter();
    try {
      return device
          .backend()
          .attentionPlan(
              options, query, key, value, null, null, null, null, null, null, null, null, null);
    } finally {
      device.exit();
    }
  }

  /** What {@link #run(Device, AttentionTensors)} would do. */
  public Plan plan(Device device, AttentionTensors tensors) {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(tensors, "tensors");
    check(device, tensors);
    device.enter();
    try {
      return device
          .backend()
          .attentionPlan(
              options,
              tensors.query(),
              tensors.key(),
              tensors.value(),
              tensors.output(),
              tensors.mask(),
              tensors.bias(),
              tensors.alibiSlopes(),
              tensors.sinks(),
              tensors.lse(),
              tensors.weights(),
              tensors.keyScale(),
              tensors.valueScale());
    } finally {
      device.exit();
    }
  }

  /**
   * (B, Hq, Sq, Dv), row-major: attends over Java arrays. A convenience that copies everything; use
   * tensors where speed matters.
   */
  public float[] run(
      Device device,
      float[] query,
      long[] queryShape,
      float[] key,
      long[] keyShape,
      float[] value,
      long[] valueShape) {
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(queryShape, "queryShape");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(keyShape, "keyShape");
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(valueShape, "valueShape");
    try (Arena arena = Arena.ofConfined()) {
      Tensor q = Tensor.copyOf(arena, query, queryShape);
      Tensor k = Tensor.copyOf(arena, key, keyShape);
      Tensor v = Tensor.copyOf(arena, value, valueShape);
      AttentionChecks.inputs(q, k, v, null, null);
      Tensor output = Tensor.allocate(arena, DType.F32, q.size(0), q.size(1), q.size(2), v.size(3));
      if (device instanceof CudaDevice cuda) {
        runOnCopies(cuda, q, k, v, output);
      } else {
        run(device, q, k, v, output);
      }
      return output.toFloatArray();
    }
  }

  private void runOnCopies(CudaDevice device, Tensor q, Tensor k, Tensor v, Tensor output) {
    List<Tensor> copies = new ArrayList<>();
    try {
      for (Tensor tensor : List.of(q, k, v, output)) {
        copies.add(device.keep(tensor));
      }
      run(device, copies.get(0), copies.get(1), copies.get(2), copies.get(3));
      device.copy(copies.get(3), output);
    } finally {
      copies.forEach(device::letGo);
    }
  }

  /** The options, for multi-head attention. */
  AttentionOptions options() {
    return options;
  }

  private static void check(Place place, AttentionTensors tensors) {
    AttentionChecks.inputs(
        tensors.query(), tensors.key(), tensors.value(), tensors.keyScale(), tensors.valueScale());
    AttentionChecks.others(
        tensors.query(),
        tensors.key(),
        tensors.value(),
        tensors.output(),
        tensors.mask(),
        tensors.bias(),
        tensors.alibiSlopes(),
        tensors.sinks(),
        tensors.lse(),
        tensors.weights());
    AttentionChecks.admit(
        place,
        tensors.query(),
        tensors.key(),
        tensors.value(),
        tensors.output(),
        tensors.mask(),
        tensors.bias(),
        tensors.alibiSlopes(),
        tensors.sinks(),
        tensors.lse(),
        tensors.weights());
    AttentionChecks.scales(place, tensors);
  }

  /** Collects the options of an {@link Attention}. Not thread-safe. */
  public static final class Builder {
    private boolean scaled;
    private float scale;
    private Causal causal = Causal.NONE;
    private boolean placed;
    private long position;
    private long windowLeft = -1;
    private long windowRight = -1;
    private float softcap;
    private WeightsStage stage = WeightsStage.SOFTMAX;

    private Builder() {}

    /** The factor on query . keyᵀ, any finite value, rounded to f32; without it 1/sqrt(D). */
    public Builder scale(double scale) {
      if (!Float.isFinite((float) scale)) {
        throw new IllegalArgumentException("scale is " + scale + "; allowed: finite f32 values");
      }
      scaled = true;
      this.scale = (float) scale;
      return this;
    }

    /** Whether a query sees only keys up to its own position, and where query 0 stands. */
    public Builder causal(Causal causal) {
      this.causal = Objects.requireNonNull(causal, "causal");
      return this;
    }

    /**
     * The position of query 0 among the keys, for causal, window and ALiBi: any value, negative
     * too. Without it {@link Causal} places it; {@link Causal#NONE} at 0.
     */
    public Builder offset(long offset) {
      placed = true;
      position = offset;
      return this;
    }

    /** Keys that stay visible to the left and to the right of a query's position; -1 = open. */
    public Builder window(long left, long right) {
      windowLeft = checkWindow("left", left);
      windowRight = checkWindow("right", right);
      return this;
    }

    /** c of c * tanh(score / c), finite and positive, rounded to f32; 0 = off. */
    public Builder softcap(double softcap) {
      float rounded = (float) softcap;
      if (!(rounded >= 0) || !Float.isFinite(rounded) || (rounded == 0 && softcap != 0)) {
        throw new IllegalArgumentException(
            "softcap is " + softcap + "; allowed: 0 (off) or positive finite f32 values");
      }
      this.softcap = rounded;
      return this;
    }

    /** Which scores a weights output receives; {@link WeightsStage#SOFTMAX} by default. */
    public Builder weightsStage(WeightsStage stage) {
      this.stage = Objects.requireNonNull(stage, "weightsStage");
      return this;
    }

    /** The attention described. */
    public Attention build() {
      return new Attention(
          new AttentionOptions(
              scaled, scale, causal, placed, position, windowLeft, windowRight, softcap, stage));
    }

    private static long checkWindow(String side, long size) {
      if (size < -1) {
        throw new IllegalArgumentException(
            side + " window is " + size + "; allowed: -1 (open) or more");
      }
      return size;
    }
  }
}
