// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** A case as tensors in poisoned buffers, to be run on any number of devices. */
public final class AttentionCall implements AutoCloseable {
  /** What a device answered; null where the case asks for none. */
  public record Actual(float[] output, float[] lse, float[] weights) {
    /** Fails unless both hold the same bits, NaN payloads aside. */
    public void checkSameBits(Actual other, String what) {
      assertArrayEquals(output, other.output, 0f, what + ": output");
      assertArrayEquals(lse, other.lse, 0f, what + ": lse");
      assertArrayEquals(weights, other.weights, 0f, what + ": weights");
    }
  }

  private final Arena arena = Arena.ofShared();
  private final Map<String, Placed> inputs = new LinkedHashMap<>();
  private final Map<String, Placed> outputs = new LinkedHashMap<>();
  private final Attention attention;
  private final AttentionTensors tensors;

  public AttentionCall(AttentionCase c) {
    this(c, c.problem());
  }

  public AttentionCall(AttentionCase c, AttentionProblem p) {
    attention = c.attention();
    if (c.has("packed")) {
      packed(c.dtype("query"), p);
    } else {
      input("query", c, p.query(), p.batch(), p.heads(), p.queryLen(), p.headDim());
      keyOrValue("key", c, p.key(), p.quantisedKey(), p, p.headDim());
      keyOrValue("value", c, p.value(), p.quantisedValue(), p, p.valueDim());
    }
    output(
        "output",
        c.dtype("out"),
        c.layout("out"),
        p.batch(),
        p.heads(),
        p.queryLen(),
        p.valueDim());
    AttentionTensors.Builder t =
        AttentionTensors.builder(
            inputs.get("query").tensor(),
            inputs.get("key").tensor(),
            inputs.get("value").tensor(),
            outputs.get("output").tensor());
    if (p.quantisedKey() != null) {
      t.keyScale(inputs.get("keyScale").tensor());
    }
    if (p.quantisedValue() != null) {
      t.valueScale(inputs.get("valueScale").tensor());
    }
    Layout extra = c.layout("out") == Layout.BSHD ? Layout.BHSD : c.layout("out");
    if (p.mask() != null) {
      Layout layout = c.layout("key") == Layout.SHARED ? Layout.BHSD : c.layout("key");
      inputs.put("mask", Placed.mask(arena, layout, p.mask().data(), p.mask().shape()));
      t.mask(inputs.get("mask").tensor());
    }
    if (p.bias() != null) {
      Layout layout = c.layout("key") == Layout.SHARED ? Layout.BHSD : c.layout("key");
      inputs.put(
          "bias", Placed.input(arena, c.dtype("bias"), layout, p.bias().data(), p.bias().shape()));
      t.bias(inputs.get("bias").tensor());
    }
    if (p.alibiSlopes() != null) {
      t.alibiSlopes(perHead("alibi", c, p.alibiSlopes()).tensor());
    }
    if (p.sinks() != null) {
      t.sinks(perHead("sinks", c, p.sinks()).tensor());
    }
    if (c.has("lse")) {
      t.lse(output("lse", DType.F32, extra, p.batch(), p.heads(), p.queryLen()).tensor());
    }
    if (c.has("weights")) {
      t.weights(
          output("weights", DType.F32, extra, p.batch(), p.heads(), p.queryLen(), p.kvLen())
              .tensor());
    }
    tensors = t.build();
  }

  /** Runs the case; fails if an input or anything beside an output was written to. */
  public Actual run(Device device) {
    outputs.values().forEach(Placed::reset);
    try (Staging staging = Staging.on(device)) {
      AttentionTensors moved = move(staging);
      Cuda.note(device, attention.plan(device, moved));
      attention.run(device, moved);
      staging.fetch();
    }
    inputs.forEach((name, placed) -> placed.checkUnchanged(name));
    outputs.forEach((name, placed) -> placed.checkSurroundings(name));
    return new Actual(values("output"), values("lse"), values("weights"));
  }

  private AttentionTensors move(Staging staging) {
    return AttentionTensors.builder(
            staging.put(tensors.query()),
            staging.put(tensors.key()),
            staging.put(tensors.value()),
            staging.put(tensors.output()))
        .mask(staging.put(tensors.mask()))
        .bias(staging.put(tensors.bias()))
        .alibiSlopes(staging.put(tensors.alibiSlopes()))
        .sinks(staging.put(tensors.sinks()))
        .lse(staging.put(tensors.lse()))
        .weights(staging.put(tensors.weights()))
        .keyScale(staging.put(tensors.keyScale()))
        .valueScale(staging.put(tensors.valueScale()))
        .build();
  }

  public Attention attention() {
    return attention;
  }

  public AttentionTensors tensors() {
    return tensors;
  }

  @Override
  public void close() {
    arena.close();
  }

  private float[] values(String name) {
    return outputs.containsKey(name) ? outputs.get(name).values() : null;
  }

  private void input(String name, AttentionCase c, double[] dense, int... shape) {
    inputs.put(
        name, Placed.input(arena, c.dtype(name), c.layout(name), Values.narrow(dense), shape));
  }

  /** In bytes with its scale beside it, in a layout of the same kind, where it is quantised. */
  private void keyOrValue(
      String name, AttentionCase c, double[] dense, Quantised bytes, AttentionProblem p, int dim) {
    if (bytes == null) {
      input(name, c, dense, p.batch(), p.kvHeads(), p.kvLen(), dim);
      return;
    }
    int[] rows = {p.batch(), p.kvHeads(), p.kvLen()};
    int[] shape = Arrays.copyOf(rows, 4);
    shape[3] = dim;
    inputs.put(name, Placed.input(arena, DType.I8, c.layout(name), bytes.bytes(), shape));
    int[] scales = c.has("groups") ? shape.clone() : rows;
    scales[scales.length - 1] = c.has("groups") ? bytes.groups() : p.kvLen();
    inputs.put(
        name + "Scale", Placed.input(arena, DType.F32, c.layout(name), bytes.scale(), scales));
  }

  private Placed output(String name, DType dtype, Layout layout, int... shape) {
    Placed placed = Placed.output(arena, dtype, layout, shape);
    outputs.put(name, placed);
    return placed;
  }

  private Placed perHead(String name, AttentionCase c, float[] values) {
    boolean perBatch = c.options().get(name).equals("bh");
    int[] shape = perBatch ? new int[] {c.batch(), c.heads()} : new int[] {c.heads()};
    float[] dense = Arrays.copyOf(values, perBatch ? values.length : c.heads());
    Placed placed = Placed.input(arena, Layout.BHSD, dense, shape);
    inputs.put(name, placed);
    return placed;
  }

  /** Rows of query heads, key heads and value heads side by side, as one projection makes them. */
  private void packed(DType dtype, AttentionProblem p) {
    if (p.queryLen() != p.kvLen()) {
      throw new IllegalArgumentException("packed needs equal query and key lengths");
    }
    long queryWidth = (long) p.heads() * p.headDim();
    long keyWidth = (long) p.kvHeads() * p.headDim();
    long row = queryWidth + keyWidth + (long) p.kvHeads() * p.valueDim();
    MemorySegment buffer = Placed.poisoned(arena, dtype, p.batch() * p.queryLen() * row);
    long plane = p.queryLen() * row;
    long[] keyStrides = {plane, p.headDim(), row, 1};
    long[] valueStrides = {plane, p.valueDim(), row, 1};
    int[] query = {p.batch(), p.heads(), p.queryLen(), p.headDim()};
    int[] key = {p.batch(), p.kvHeads(), p.kvLen(), p.headDim()};
    int[] value = {p.batch(), p.kvHeads(), p.kvLen(), p.valueDim()};
    inputs.put(
        "query", Placed.input(buffer, dtype, 0, keyStrides, Values.narrow(p.query()), query));
    inputs.put(
        "key", Placed.input(buffer, dtype, queryWidth, keyStrides, Values.narrow(p.key()), key));
    inputs.put(
        "value",
        Placed.input(
            buffer, dtype, queryWidth + keyWidth, valueStrides, Values.narrow(p.value()), value));
    inputs.values().forEach(Placed::remember);
  }
}
