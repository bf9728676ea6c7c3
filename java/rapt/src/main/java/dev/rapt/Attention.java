// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ops.SdpaBatchOperation;
import dev.rapt.internal.ops.SdpaOperation;
import dev.rapt.internal.ops.SdpaOptions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * (B, Hq, Sq, D), (B, Hkv, Skv, D), (B, Hkv, Skv, Dv) to (B, Hq, Sq, Dv): scaled dot-product
 * attention, softmax(softcap(scale * query . keyᵀ) + bias - alibi, masked) . value.
 *
 * <p>Query head h reads key/value head h / (Hq / Hkv). A row without a visible key gives output 0,
 * weights 0 and LSE -inf. Masked keys and values never reach a result, NaN included. Tensors of
 * rank 3 are one sample, (H, S, D), and those of rank 2 one head of it, (S, D); all tensors of a
 * call lack the same dimensions.
 *
 * {@snippet :
 * try (Device device = Device.best();
 *     Arena arena = Arena.ofConfined()) {
 *   Tensor query = Tensor.allocate(arena, DType.F32, 1, 8, 16, 64);
 *   Tensor key = Tensor.allocate(arena, DType.F32, 1, 2, 128, 64); // 2 heads for 8: GQA
 *   Tensor value = Tensor.allocate(arena, DType.F32, 1, 2, 128, 64);
 *   Tensor output = Tensor.allocate(arena, DType.F32, 1, 8, 16, 64);
 *   Attention causal = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
 *   causal.run(device, query, key, value, output);
 * }
 * }
 *
 * <p>Samples of different lengths are one call too: {@link AttentionTensors} takes key lengths,
 * ragged queries and keys, and pages. Each sample has the bits that it has alone, and its own
 * {@link Causal#BOTTOM_RIGHT}.
 *
 * <p>A node of ONNX {@code Attention} becomes a call like this. Key and value are {@code
 * present_key} and {@code present_value}: the past and, after it, {@code K} and {@code V}. Where
 * they lie in a cache, pass a slice of it. {@code is_causal} becomes
 *
 * <ul>
 *   <li>{@link Causal#TOP_LEFT} where the node has no {@code past_key};
 *   <li>{@link Causal#BOTTOM_RIGHT} where it has one, or a causal attention with {@link
 *       Builder#position} equal to the past length, which is the same;
 *   <li>where it has {@code nonpad_kv_seqlen} (opset 24), a causal attention with {@link
 *       AttentionTensors.Builder#positions} equal to nonpad_kv_seqlen - Sq for each sample, which
 *       hides the padding too.
 * </ul>
 *
 * <p>Where {@code nonpad_kv_seqlen} comes without {@code is_causal}, a mask (B, 1, 1, Skv) that is
 * true where j &lt; nonpad_kv_seqlen hides the padding. A boolean {@code attn_mask} is the mask,
 * any other the bias; one of rank 3 is (H, Sq, Skv) in ONNX and here. {@link WeightsStage} lists
 * the values of {@code qk_matmul_output_mode}.
 *
 * <p>Vaswani et al., "Attention Is All You Need" (2017), section 3.2.1. Immutable; one instance
 * serves any number of threads and devices, and a call allocates nothing.
 */
public final class Attention {
  private final SdpaOperation operation;
  private final SdpaBatchOperation batches;

  private Attention(SdpaOptions options) {
    operation = new SdpaOperation(options);
    batches = new SdpaBatchOperation(options);
  }

  /** A builder whose defaults are plain attention: scale 1/sqrt(D), nothing masked. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Writes (B, Hq, Sq, Dv) into {@code output}. On a device the call is complete on return, on a
   * stream it is enqueued.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails, or the call cannot be enqueued
   */
  public void run(Place place, Tensor query, Tensor key, Tensor value, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(query, key, value, output);
    try {
      place.run(call);
    } finally {
      call.give();
    }
  }

  /** As {@link #run(Place, Tensor, Tensor, Tensor, Tensor)}, with optional inputs and outputs. */
  public void run(Place place, AttentionTensors tensors) {
    Objects.requireNonNull(place, "place");
    Objects.requireNonNull(tensors, "tensors");
    CallFrame call = call(tensors);
    try {
      place.run(call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run(Place, Tensor, Tensor, Tensor, Tensor)} would do. */
  public Plan plan(Place place, Tensor query, Tensor key, Tensor value, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(query, key, value, output);
    try {
      return place.plan(call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run(Place, AttentionTensors)} would do. */
  public Plan plan(Place place, AttentionTensors tensors) {
    Objects.requireNonNull(place, "place");
    Objects.requireNonNull(tensors, "tensors");
    CallFrame call = call(tensors);
    try {
      return place.plan(call);
    } finally {
      call.give();
    }
  }

  private CallFrame call(AttentionTensors tensors) {
    if (!tensors.varies()) {
      return CallFrame.take(operation).set(tensors.slots());
    }
    CallFrame call = CallFrame.take(batches).set(tensors.slots());
    SdpaBatchOperation.longest(call, tensors.longestQuery(), tensors.longestKey());
    return call;
  }

  private CallFrame call(Tensor query, Tensor key, Tensor value, Tensor output) {
    return CallFrame.take(operation)
        .set(SdpaOperation.QUERY, query)
        .set(SdpaOperation.KEY, key)
        .set(SdpaOperation.VALUE, value)
        .set(SdpaOperation.OUTPUT, output);
  }

  /**
   * Attends over row-major Java arrays and returns (B, Hq, Sq, Dv) as a new one. This copies every
   * array; use tensors where speed matters.
   *
   * @throws IllegalArgumentException naming the argument at fault, its value and what was allowed
   * @throws IllegalStateException where the device is closed
   * @throws RaptException where the device cannot do the call, or fails
   */
  public float[] run(
      Device device,
      float[] query,
      long[] queryShape,
      float[] key,
      long[] keyShape,
      float[] value,
      long[] valueShape) {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(queryShape, "queryShape");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(keyShape, "keyShape");
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(valueShape, "valueShape");
    try (Arena arena = Arena.ofConfined()) {
      Tensor q = copy(arena, "query", query, queryShape);
      Tensor k = copy(arena, "key", key, keyShape);
      Tensor v = copy(arena, "value", value, valueShape);
      Tensor output = Tensor.allocate(arena, DType.F32, outputShape(q, v));
      if (device instanceof CudaDevice cuda) {
        runOnCopies(cuda, q, k, v, output);
      } else {
        run(device, q, k, v, output);
      }
      return output.toFloatArray();
    }
  }

  /** What does not fit a shape is one of three arrays, which the sentence must name. */
  private static Tensor copy(Arena arena, String name, float[] data, long[] shape) {
    try {
      return Tensor.copyOf(arena, data, shape);
    } catch (IllegalArgumentException misfit) {
      throw new IllegalArgumentException(name + ": " + misfit.getMessage(), misfit);
    }
  }

  /** The query's shape with the value's last dimension; that both fit the call checks. */
  private static long[] outputShape(Tensor query, Tensor value) {
    long[] shape = query.shape();
    shape[shape.length - 1] = value.size(value.rank() - 1);
    return shape;
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
  SdpaOptions options() {
    return operation.options();
  }

  /** Collects the options of an {@link Attention}. Not thread-safe. */
  public static final class Builder {
    private float scale = Float.NaN;
    private Causal causal = Causal.NONE;
    private OptionalLong position = OptionalLong.empty();
    private long windowLeft = -1;
    private long windowRight = -1;
    private float softcap;
    private WeightsStage stage = WeightsStage.SOFTMAX;

    private Builder() {}

    /**
     * The factor on query . keyᵀ, rounded to f32; 1/sqrt(D) by default.
     *
     * @throws IllegalArgumentException where the factor is not finite
     */
    public Builder scale(double scale) {
      if (!Float.isFinite((float) scale)) {
        throw new IllegalArgumentException("scale is " + scale + "; allowed: finite f32 values");
      }
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
     * too. By default {@link #causal} decides on it: Skv - Sq for {@link Causal#BOTTOM_RIGHT},
     * otherwise 0. ONNX calls it the past length. {@link AttentionTensors.Builder#positions} gives
     * one for each sample.
     */
    public Builder position(long position) {
      this.position = OptionalLong.of(position);
      return this;
    }

    /**
     * How many keys are visible to the left and to the right of a query's position; -1, the
     * default, is all of them.
     *
     * @throws IllegalArgumentException where one of them is below -1
     */
    public Builder window(long left, long right) {
      windowLeft = checkWindow("left", left);
      windowRight = checkWindow("right", right);
      return this;
    }

    /**
     * c of c * tanh(score / c), rounded to f32; 0, the default, is off.
     *
     * @throws IllegalArgumentException where c is negative, not finite as an f32, or rounds to 0
     */
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

    /** An attention with these options. */
    public Attention build() {
      return new Attention(
          new SdpaOptions(scale, causal, position, windowLeft, windowRight, softcap, stage));
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
