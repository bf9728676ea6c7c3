// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.call.PackedWeights;
import dev.rapt.internal.ops.MhaModel;
import dev.rapt.internal.ops.MhaOperation;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (B, Sq, Eq), (B, Skv, Ek), (B, Skv, Ev) to (B, Sq, E): projects query, key and value, attends and
 * projects the result, as torch.nn.MultiheadAttention does in inference.
 *
 * <p>All tensors of a call may lack B. It owns its packed weights and keeps no reference to the
 * tensors it was made from. Thread-safe; a call allocates nothing. {@link #close()} is idempotent
 * and waits for running calls and for the work on streams that uses the weights.
 *
 * {@snippet :
 * try (MultiHeadAttention attention =
 *     MultiHeadAttention.builder(device)
 *         .heads(12)
 *         .inProjection(inWeight, inBias) // (3 E, E) and (3 E)
 *         .output(outWeight, outBias) // (E, E) and (E)
 *         .build()) {
 *   attention.run(device, input, input, input, output); // (B, S, E)
 * }
 * }
 *
 * <p>Masks differ from PyTorch in one point: {@code mask} is true where a query attends, here and
 * everywhere in Rapt, while {@code attn_mask} of torch.nn.MultiheadAttention is true where it does
 * not. The key padding mask has PyTorch's sense: true is padding.
 */
public final class MultiHeadAttention implements AutoCloseable {
  private final MhaModel model;
  private final MhaOperation operation;
  private final Weights weights;

  private MultiHeadAttention(Device device, MhaModel model) {
    this.model = model;
    operation = new MhaOperation(model);
    weights = new Weights(device, "multi-head attention");
  }

  /** A builder of multi-head attention on {@code device}. */
  public static Builder builder(Device device) {
    return new Builder(Objects.requireNonNull(device, "device"));
  }

  /**
   * Writes (B, Sq, E) into {@code output}. On the weights' device the call is complete on return,
   * on a stream of that device it is enqueued.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where this, the place or a tensor's memory is closed
   * @throws WrongThreadException where a tensor's arena is confined to another thread
   * @throws RaptException where the device fails, or the call cannot be enqueued
   */
  public void run(Place place, Tensor query, Tensor key, Tensor value, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(query, key, value, output);
    try {
      weights.run(place, call);
    } finally {
      call.give();
    }
  }

  /** As {@link #run(Place, Tensor, Tensor, Tensor, Tensor)}, with optional inputs and outputs. */
  public void run(Place place, MultiHeadAttentionTensors tensors) {
    Objects.requireNonNull(place, "place");
    Objects.requireNonNull(tensors, "tensors");
    CallFrame call = CallFrame.take(operation);
    try {
      weights.run(place, call.set(tensors.slots()));
    } finally {
      call.give();
    }
  }

  /** What {@link #run(Place, Tensor, Tensor, Tensor, Tensor)} would do. */
  public Plan plan(Place place, Tensor query, Tensor key, Tensor value, Tensor output) {
    Objects.requireNonNull(place, "place");
    CallFrame call = call(query, key, value, output);
    try {
      return weights.plan(place, call);
    } finally {
      call.give();
    }
  }

  /** What {@link #run(Place, MultiHeadAttentionTensors)} would do. */
  public Plan plan(Place place, MultiHeadAttentionTensors tensors) {
    Objects.requireNonNull(place, "place");
    Objects.requireNonNull(tensors, "tensors");
    CallFrame call = CallFrame.take(operation);
    try {
      return weights.plan(place, call.set(tensors.slots()));
    } finally {
      call.give();
    }
  }

  private CallFrame call(Tensor query, Tensor key, Tensor value, Tensor output) {
    return CallFrame.take(operation)
        .set(MhaOperation.QUERY, query)
        .set(MhaOperation.KEY, key)
        .set(MhaOperation.VALUE, value)
        .set(MhaOperation.OUTPUT, output);
  }

  /** The device that holds the weights. */
  public Device device() {
    return weights.device();
  }

  /** Query heads. */
  public int heads() {
    return model.heads();
  }

  /** Key and value heads. */
  public int kvHeads() {
    return model.kvHeads();
  }

  /** D, the width of a query or key head. */
  public long headDim() {
    return model.headDim();
  }

  /** Dv, the width of a value head. */
  public long valueDim() {
    return model.valueDim();
  }

  /** How many keys are appended after the projected ones, 0 to 2; a weights output has them too. */
  public int appendedKeys() {
    return model.appended().count();
  }

  /** Waits for running calls and enqueued work, then frees the weights. Idempotent. */
  @Override
  public void close() {
    device().release(this, this::free);
  }

  private void free() {
    weights.close(
        () -> {
          model.close();
          device().letGo(model.appended().biasKey());
          device().letGo(model.appended().biasValue());
        });
  }

  /**
   * Collects heads, weights and options of a {@link MultiHeadAttention}. Weights are (out, in) and
   * biases (out), as torch.nn.Linear stores them; they are read by {@link #build()}, not before.
   * Not thread-safe.
   */
  public static final class Builder {
    private final Device device;
    private int heads;
    private int kvHeads;
    private @Nullable Projection query;
    private @Nullable Projection key;
    private @Nullable Projection value;
    private @Nullable Projection output;
    private @Nullable Tensor biasKey;
    private @Nullable Tensor biasValue;
    private boolean zeroAttention;
    private boolean averageWeights;
    private InputQuantization inputQuantization = InputQuantization.NONE;
    private Attention attention = Attention.builder().build();

    private Builder(Device device) {
      this.device = device;
    }

    /** Hq, the number of query heads, which every multi-head attention needs. */
    public Builder heads(int heads) {
      this.heads = MhaChecks.positive("heads", heads);
      return this;
    }

    /** Hkv, the number of key and value heads, a divisor of Hq; Hq by default. */
    public Builder kvHeads(int kvHeads) {
      this.kvHeads = MhaChecks.positive("kvHeads", kvHeads);
      return this;
    }

    /** (Hq * D, Eq) and (Hq * D): the query projection. */
    public Builder query(Tensor weight, @Nullable Tensor bias) {
      query = dense("query", weight, bias);
      return this;
    }

    /** The same with a quantised weight; see {@link Linear#of(Device, QuantizedMatrix, Tensor)}. */
    public Builder query(QuantizedMatrix weight, @Nullable Tensor bias) {
      query = quantized("query", weight, bias);
      return this;
    }

    /** (Hkv * D, Ek) and (Hkv * D): the key projection. */
    public Builder key(Tensor weight, @Nullable Tensor bias) {
      key = dense("key", weight, bias);
      return this;
    }

    /** The same with a quantised weight; see {@link Linear#of(Device, QuantizedMatrix, Tensor)}. */
    public Builder key(QuantizedMatrix weight, @Nullable Tensor bias) {
      key = quantized("key", weight, bias);
      return this;
    }

    /** (Hkv * Dv, Ev) and (Hkv * Dv): the value projection. */
    public Builder value(Tensor weight, @Nullable Tensor bias) {
      value = dense("value", weight, bias);
      return this;
    }

    /** The same with a quantised weight; see {@link Linear#of(Device, QuantizedMatrix, Tensor)}. */
    public Builder value(QuantizedMatrix weight, @Nullable Tensor bias) {
      value = quantized("value", weight, bias);
      return this;
    }

    /**
     * (E, Hq * Dv) and (E): the output projection; without it the heads side by side are the
     * result.
     */
    public Builder output(Tensor weight, @Nullable Tensor bias) {
      output = dense("output", weight, bias);
      return this;
    }

    /** The same with a quantised weight; see {@link Linear#of(Device, QuantizedMatrix, Tensor)}. */
    public Builder output(QuantizedMatrix weight, @Nullable Tensor bias) {
      output = quantized("output", weight, bias);
      return this;
    }

    /** (3 E, E) and (3 E): the query, key and value projections, stacked in this order. */
    public Builder inProjection(Tensor weight, @Nullable Tensor bias) {
      Objects.requireNonNull(weight, "in-projection weight");
      Checks.rank("in-projection weight", weight, 2, "(3 E, E)");
      if (weight.size(0) % 3 != 0) {
        throw new IllegalArgumentException(
            "in-projection weight is " + weight + "; allowed: a multiple of 3 rows");
      }
      if (bias != null) {
        Checks.rank("in-projection bias", bias, 1, "(3 E)");
        Checks.size("in-projection bias", bias, 0, weight.size(0), "the rows of the weight");
      }
      long width = weight.size(0) / 3;
      query(part(weight, 0, width), bias == null ? null : part(bias, 0, width));
      key(part(weight, 1, width), bias == null ? null : part(bias, 1, width));
      return value(part(weight, 2, width), bias == null ? null : part(bias, 2, width));
    }

    /**
     * (Hkv * D) and (Hkv * Dv), each F32, F16 or BF16: one more key and value after the projected
     * ones, which every query sees.
     */
    public Builder biasKeyValue(Tensor key, Tensor value) {
      biasKey = Objects.requireNonNull(key, "biasKey");
      biasValue = Objects.requireNonNull(value, "biasValue");
      return this;
    }

    /** Whether a key and value of zeros, which every query sees, follow all others. */
    public Builder zeroAttention(boolean zeroAttention) {
      this.zeroAttention = zeroAttention;
      return this;
    }

    /** Whether a weights output is the mean over heads. */
    public Builder averageWeights(boolean averageWeights) {
      this.averageWeights = averageWeights;
      return this;
    }

    /**
     * What the projections multiply, {@link InputQuantization#NONE} by default; anything else needs
     * quantised weights for all of them.
     */
    public Builder inputQuantization(InputQuantization inputQuantization) {
      this.inputQuantization = Objects.requireNonNull(inputQuantization, "inputQuantization");
      return this;
    }

    /** Scale, causality, window, softcap and weights stage; plain attention by default. */
    public Builder attention(Attention attention) {
      this.attention = Objects.requireNonNull(attention, "attention");
      return this;
    }

    /**
     * Packs the weights.
     *
     * @throws IllegalArgumentException naming the value at fault and what was allowed
     * @throws IllegalStateException where the device or a weight's arena is closed
     * @throws WrongThreadException where a weight's arena is confined to another thread
     * @throws RaptException where memory runs out, the device fails, or it takes no quantised
     *     weights
     */
    public MultiHeadAttention build() {
      Projection query = MhaChecks.given("query", this.query);
      Projection key = MhaChecks.given("key", this.key);
      Projection value = MhaChecks.given("value", this.value);
      MhaChecks.positive("heads", heads);
      int kvHeads = this.kvHeads == 0 ? heads : this.kvHeads;
      query.check();
      key.check();
      value.check();
      if (this.output != null) {
        this.output.check();
      }
      query = query.rounding(inputQuantization);
      key = key.rounding(inputQuantization);
      value = value.rounding(inputQuantization);
      Projection output = this.output == null ? null : this.output.rounding(inputQuantization);
      MhaChecks.model(heads, kvHeads, query, key, value, output);
      MhaChecks.appended(key, value, biasKey, biasValue);
      device.admitWeight("biasKey", biasKey);
      device.admitWeight("biasValue", biasValue);
      device.enter();
      List<PackedWeights> made = new ArrayList<>();
      List<Tensor> kept = new ArrayList<>();
      try {
        MhaModel.Projections projections =
            new MhaModel.Projections(
                pack(made, query),
                pack(made, key),
                pack(made, value),
                output == null ? null : pack(made, output),
                averageWeights);
        MhaModel.Appended appended =
            new MhaModel.Appended(
                keep(kept, "biasKey", biasKey), keep(kept, "biasValue", biasValue), zeroAttention);
        MultiHeadAttention built =
            new MultiHeadAttention(
                device, new MhaModel(heads, kvHeads, projections, appended, attention.options()));
        device.adopt(built, built::free);
        return built;
      } catch (RuntimeException | Error failure) {
        made.forEach(PackedWeights::close);
        kept.forEach(device::letGo);
        throw failure;
      } finally {
        device.exit();
      }
    }

    private PackedWeights pack(List<PackedWeights> made, Projection projection) {
      projection.admit(device);
      PackedWeights packed = projection.pack(device);
      made.add(packed);
      return packed;
    }

    private static Projection dense(String name, Tensor weight, @Nullable Tensor bias) {
      Objects.requireNonNull(weight, name + " weight");
      return new Projection(name, new WeightMatrix.Dense(weight), bias);
    }

    private static Projection quantized(
        String name, QuantizedMatrix weight, @Nullable Tensor bias) {
      Objects.requireNonNull(weight, name + " weight");
      return new Projection(name, new WeightMatrix.Quantized(weight, InputQuantization.NONE), bias);
    }

    private @Nullable Tensor keep(List<Tensor> kept, String name, @Nullable Tensor bias) {
      if (bias == null) {
        return null;
      }
      try {
        Tensor copy = device.keep(bias);
        kept.add(copy);
        return copy;
      } catch (IllegalStateException closed) {
        throw Checks.closedMeanwhile(closed, name, bias);
      }
    }

    private static Tensor part(Tensor stacked, int index, long size) {
      return stacked.slice(0, index * size, (index + 1) * size);
    }
  }
}
