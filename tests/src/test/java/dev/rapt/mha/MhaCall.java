// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Tensor;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Cuda;
import dev.rapt.check.Judge;
import dev.rapt.check.Layout;
import dev.rapt.check.Oracle.Answer;
import dev.rapt.check.Placed;
import dev.rapt.check.Staging;
import dev.rapt.mha.MhaData.Projection;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A case as tensors in poisoned buffers, to be run on any number of devices. */
public final class MhaCall implements AutoCloseable {
  /** What a device answered; null where the case asks for none. */
  public record Actual(float[] output, float[] lse, float[] weights) {}

  private final Arena arena = Arena.ofShared();
  private final MhaCase c;
  private final MhaData data;
  private final AttentionProblem core;
  private final List<Placed> inputs = new ArrayList<>();

  public MhaCall(MhaCase c, MhaData data) {
    this.c = c;
    this.data = data;
    this.core = c.core().problem();
  }

  /** Runs the case on the CUDA device, twice: against the oracle, and for the same bits. */
  public static void checkOnCuda(MhaCase c) {
    MhaData data = MhaData.of(c);
    Answer expected =
        MhaOracle.answer(c, data, c.core().dtype("query")).stored(c.core().dtype("out"));
    try (MhaCall call = new MhaCall(c, data)) {
      Actual actual = call.run(Cuda.device());
      String what = c + " on CUDA";
      Judge.check(what, expected, actual.output(), actual.lse(), actual.weights());
      assertArrayEquals(actual.output(), call.run(Cuda.device()).output(), what + ", once more");
    }
  }

  public Actual run(Device device) {
    Placed output = rows("out", null, core.queryLen(), c.outputWidth());
    Placed lse =
        c.core().options().containsKey("lse")
            ? Placed.output(arena, Layout.BHSD, core.batch(), core.heads(), core.queryLen())
            : null;
    Placed weights = c.core().options().containsKey("weights") ? weights() : null;
    MultiHeadAttentionTensors.Builder tensors =
        MultiHeadAttentionTensors.builder(
            view(rows("query", data.query(), core.queryLen(), c.embed())),
            view(rows("key", data.key(), core.kvLen(), c.keyWidth())),
            view(rows("value", data.value(), core.kvLen(), c.valueWidth())),
            view(output));
    options(tensors);
    tensors.lse(lse == null ? null : lse.tensor());
    tensors.weights(weights == null ? null : weights.tensor());
    try (MultiHeadAttention attention = build(device);
        Staging staging = Staging.on(device)) {
      MultiHeadAttentionTensors moved = move(staging, tensors.build());
      Cuda.note(device, attention.plan(device, moved));
      attention.run(device, moved);
      staging.fetch();
    }
    inputs.forEach(input -> input.checkUnchanged("an input"));
    output.checkSurroundings("output");
    return new Actual(values(output), values(lse), values(weights));
  }

  private static MultiHeadAttentionTensors move(Staging staging, MultiHeadAttentionTensors t) {
    return MultiHeadAttentionTensors.builder(
            staging.put(t.query()),
            staging.put(t.key()),
            staging.put(t.value()),
            staging.put(t.output()))
        .mask(staging.put(t.mask()))
        .bias(staging.put(t.bias()))
        .keyPaddingMask(staging.put(t.keyPaddingMask()))
        .alibiSlopes(staging.put(t.alibiSlopes()))
        .sinks(staging.put(t.sinks()))
        .lse(staging.put(t.lse()))
        .weights(staging.put(t.weights()))
        .build();
  }

  @Override
  public void close() {
    arena.close();
  }

  private MultiHeadAttention build(Device device) {
    AttentionCase a = c.core();
    MultiHeadAttention.Builder builder =
        MultiHeadAttention.builder(device)
            .heads(a.heads())
            .kvHeads(a.kvHeads())
            .attention(a.attention())
            .zeroAttention(c.has("zero"))
            .averageWeights(c.has("average"));
    if (c.has("packed")) {
      Projection all = data.projections().stacked();
      builder.inProjection(weight(all), bias(all));
    } else {
      builder
          .query(weight(data.projections().query()), bias(data.projections().query()))
          .key(weight(data.projections().key()), bias(data.projections().key()))
          .value(weight(data.projections().value()), bias(data.projections().value()));
    }
    if (data.projections().output() != null) {
      builder.output(weight(data.projections().output()), bias(data.projections().output()));
    }
    if (data.extra() != null) {
      builder.biasKeyValue(
          input(c.extra(), data.extra().key(), data.extra().key().length).tensor(),
          input(c.extra(), data.extra().value(), data.extra().value().length).tensor());
    }
    return builder.build();
  }

  private void options(MultiHeadAttentionTensors.Builder t) {
    if (core.mask() != null) {
      t.mask(mask(core.mask().data(), core.mask().shape()));
    }
    if (core.bias() != null) {
      t.bias(input(c.core().dtype("bias"), core.bias().data(), core.bias().shape()).tensor());
    }
    if (core.sinks() != null) {
      t.sinks(perHead("sinks", core.sinks()));
    }
    if (core.alibiSlopes() != null) {
      t.alibiSlopes(perHead("alibi", core.alibiSlopes()));
    }
    if (data.padding() != null) {
      float[] padding = new float[data.padding().length];
      for (int i = 0; i < padding.length; i++) {
        padding[i] = data.padding()[i] ? 1 : 0;
      }
      t.keyPaddingMask(
          c.has("unbatched")
              ? mask(padding, core.kvLen())
              : mask(padding, core.batch(), core.kvLen()));
    }
  }

  private Tensor weight(Projection p) {
    return input(c.stored(), p.weight(), p.out(), p.in()).tensor();
  }

  private Tensor bias(Projection p) {
    return p.bias() == null ? null : input(c.stored(), p.bias(), p.out()).tensor();
  }

  private Placed input(float[] dense, int... shape) {
    return input(DType.F32, dense, shape);
  }

  private Placed input(DType dtype, float[] dense, int... shape) {
    Placed placed = Placed.input(arena, dtype, Layout.BHSD, dense, shape);
    inputs.add(placed);
    return placed;
  }

  /** (heads), or (batch, heads) where the case says so. */
  private Tensor perHead(String name, float[] values) {
    return c.core().options().get(name).equals("bh")
        ? input(values, core.batch(), core.heads()).tensor()
        : input(Arrays.copyOf(values, core.heads()), core.heads()).tensor();
  }

  private Tensor mask(float[] dense, int... shape) {
    return Placed.mask(arena, Layout.BHSD, dense, shape).tensor();
  }

  /** (batch, length, width), with an odd pitch where the case asks for gaps. */
  private Placed rows(String name, float[] dense, int length, int width) {
    DType dtype = c.core().dtype(name);
    int[] shape = {core.batch(), length, width};
    Layout layout = c.has("padded") ? Layout.PADDED : Layout.BHSD;
    if (dense == null) {
      return Placed.output(arena, dtype, layout, shape);
    }
    Placed placed = Placed.input(arena, dtype, layout, dense, shape);
    inputs.add(placed);
    return placed;
  }

  private Placed weights() {
    int total = core.kvLen() + c.appended();
    return c.has("average")
        ? Placed.output(arena, Layout.BHSD, core.batch(), core.queryLen(), total)
        : Placed.output(arena, Layout.BHSD, core.batch(), core.heads(), core.queryLen(), total);
  }

  private Tensor view(Placed placed) {
    Tensor t = placed.tensor();
    return c.has("unbatched") ? t.reshape(t.size(1), t.size(2)) : t;
  }

  private static float[] values(Placed placed) {
    return placed == null ? null : placed.values();
  }
}
