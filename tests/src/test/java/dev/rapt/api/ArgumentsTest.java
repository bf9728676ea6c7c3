// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.CpuOptions;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.MultiHeadAttention;
import dev.rapt.MultiHeadAttentionTensors;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Bad arguments: refused before any backend runs, by name, value and what was allowed. */
class ArgumentsTest {
  private final Arena arena = Arena.ofShared();
  private final Device device = Device.java();
  private final Attention attention = Attention.builder().build();
  private Tensor q;
  private Tensor k;
  private Tensor v;
  private Tensor out;

  @BeforeEach
  void tensors() {
    q = f32(2, 4, 3, 8);
    k = f32(2, 2, 5, 8);
    v = f32(2, 2, 5, 6);
    out = f32(2, 4, 3, 6);
    attention.run(device, q, k, v, out);
  }

  @AfterEach
  void close() {
    device.close();
    arena.close();
  }

  private Tensor f32(long... shape) {
    return Tensor.allocate(arena, DType.F32, shape);
  }

  private Tensor bool(long... shape) {
    return Tensor.allocate(arena, DType.BOOL, shape);
  }

  private AttentionTensors.Builder tensors4() {
    return AttentionTensors.builder(q, k, v, out);
  }

  @Test
  void namesMissingTensors() {
    assertEquals(
        "query",
        assertThrows(NullPointerException.class, () -> attention.run(device, null, k, v, out))
            .getMessage());
    assertEquals(
        "output",
        assertThrows(NullPointerException.class, () -> AttentionTensors.builder(q, k, v, null))
            .getMessage());
    assertEquals(
        "place",
        assertThrows(NullPointerException.class, () -> attention.run(null, q, k, v, out))
            .getMessage());
    float[] row = new float[8];
    long[] shape = {1, 8};
    assertEquals(
        "device",
        assertThrows(
                NullPointerException.class,
                () -> attention.run(null, row, shape, row, shape, row, shape))
            .getMessage());
    assertEquals(
        "newType",
        assertThrows(NullPointerException.class, () -> q.toType(Arena.ofAuto(), null))
            .getMessage());
  }

  @Test
  void namesTheArrayThatDoesNotFitItsShape() {
    float[] row = new float[8];
    long[] shape = {2, 4};
    rejected(
        "value: data has 7 values",
        "the 8 elements of F32 (2, 4)",
        () -> attention.run(device, row, shape, row, shape, new float[7], shape));
    rejected(
        "key: shape (-2, 4)",
        "0 or more",
        () -> attention.run(device, row, shape, row, new long[] {-2, 4}, row, shape));
  }

  @Test
  void checksShapes() {
    rejected("query", "rank 4", () -> attention.run(device, f32(8), k, v, out));
    rejected("key", "because query is", () -> attention.run(device, f32(4, 3, 8), k, v, out));
    rejected("key", "the batch of query", () -> attention.run(device, q, f32(1, 2, 5, 8), v, out));
    rejected("value", "heads of key", () -> attention.run(device, q, k, f32(2, 1, 5, 6), out));
    rejected(
        "value", "the key length of key", () -> attention.run(device, q, k, f32(2, 2, 4, 6), out));
    rejected("key", "head dimension", () -> attention.run(device, q, f32(2, 2, 5, 7), v, out));
    rejected("output", "size 5", () -> attention.run(device, q, k, v, f32(2, 4, 3, 5)));
    rejected("output", "size 1", () -> attention.run(device, q, k, v, f32(1, 4, 3, 6)));
    rejected(
        "4 heads",
        "multiple",
        () -> attention.run(device, q, f32(2, 3, 5, 8), f32(2, 3, 5, 6), out));
    rejected(
        "key is F32 (2, 0, 5, 8)",
        "1 to",
        () -> attention.run(device, q, f32(2, 0, 5, 8), f32(2, 0, 5, 6), out));
    rejected(
        "query is F32 (2, 4, 3, 1025)",
        "1 to 1024",
        () -> attention.run(device, f32(2, 4, 3, 1025), f32(2, 2, 5, 1025), v, out));
    rejected(
        "value is F32 (2, 2, 5, 0)",
        "1 to 1024",
        () -> attention.run(device, q, k, f32(2, 2, 5, 0), f32(2, 4, 3, 0)));
    rejected("query", "F32, F16 or BF16", () -> attention.run(device, bool(2, 4, 3, 8), k, v, out));
  }

  /** Only strides of 0 reach them. */
  @Test
  void checksSizesThatKernelsCannotCount() {
    String size = "key is F32 (2, 2, " + (1L << 41) + ", 8)";
    long[] shape = {2, 2, 1L << 41, 8};
    Tensor endless = Tensor.of(k.segment(), DType.F32, shape, new long[4]);
    Tensor output = f32(2, 4, 3, 8);
    try (Device cpu = Device.cpu()) {
      rejected(size, "0 to", () -> attention.run(cpu, q, endless, endless, output));
      rejected(size, "0 to", () -> attention.plan(cpu, q, endless, endless, output));
    }
  }

  @Test
  void checksOptionalTensors() {
    run(tensors4().mask(bool(5)));
    run(tensors4().mask(bool(4, 1, 5)));
    run(tensors4().bias(f32(2, 1, 3, 1)));
    run(tensors4().sinks(f32(4)).alibiSlopes(f32(2, 4)));
    rejected("mask", "BOOL", () -> run(tensors4().mask(f32(5))));
    rejected("mask", "(2, 4, 3, 5)", () -> run(tensors4().mask(bool(4))));
    rejected("mask", "(2, 4, 3, 5)", () -> run(tensors4().mask(bool(2, 3, 5))));
    rejected("bias", "(2, 4, 3, 5)", () -> run(tensors4().bias(f32(1, 2, 4, 3, 5))));
    rejected("alibiSlopes", "(2, 4)", () -> run(tensors4().alibiSlopes(f32(2, 2))));
    rejected("sinks", "(2, 4)", () -> run(tensors4().sinks(f32(1, 1, 4))));
    rejected("lse", "rank 3", () -> run(tensors4().lse(f32(2, 4, 3, 1))));
    rejected("lse", "size 2", () -> run(tensors4().lse(f32(2, 4, 2))));
    Tensor counts = Tensor.copyOf(arena, new int[2 * 4 * 3 * 5], 2, 4, 3, 5);
    rejected("weights", "type F32, F16 or BF16", () -> run(tensors4().weights(counts)));
    rejected("weights", "size 6", () -> run(tensors4().weights(f32(2, 4, 3, 6))));
  }

  @Test
  void checksStorageTypes() {
    for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
      Tensor query = Tensor.allocate(arena, dtype, 2, 4, 3, 8);
      attention.run(device, query, k, v, Tensor.allocate(arena, dtype, 2, 4, 3, 6));
      run(tensors4().bias(Tensor.allocate(arena, dtype, 3, 5)));
      Tensor perHead = Tensor.allocate(arena, dtype, 4);
      rejected("sinks", "type F32", () -> run(tensors4().sinks(perHead)));
      rejected("alibiSlopes", "type F32", () -> run(tensors4().alibiSlopes(perHead)));
      Tensor lse = Tensor.allocate(arena, dtype, 2, 4, 3);
      rejected("lse", "type F32", () -> run(tensors4().lse(lse)));
      Tensor weights = Tensor.allocate(arena, dtype, 2, 4, 3, 5);
      run(tensors4().weights(weights));
      try (Linear linear =
          Linear.of(
              device, Tensor.allocate(arena, dtype, 4, 8), Tensor.allocate(arena, dtype, 4))) {
        linear.run(device, query.select(0, 0), f32(4, 3, 4));
      }
      projections().biasKeyValue(Tensor.allocate(arena, dtype, 8), f32(8)).build().close();
      projections().biasKeyValue(f32(8), Tensor.allocate(arena, dtype, 8)).build().close();
    }
    rejected(
        "biasKey", "F32, F16 or BF16", () -> projections().biasKeyValue(bool(8), f32(8)).build());
    rejected(
        "biasValue", "F32, F16 or BF16", () -> projections().biasKeyValue(f32(8), bool(8)).build());
    rejected("output", "F32, F16 or BF16", () -> attention.run(device, q, k, v, bool(2, 4, 3, 6)));
  }

  @Test
  void checksScales() {
    Tensor k8 = Tensor.allocate(arena, DType.I8, 2, 2, 5, 8);
    Tensor v8 = Tensor.allocate(arena, DType.I8, 2, 2, 5, 6);
    AttentionTensors bytes = AttentionTensors.builder(q, k8, v8, out).build();
    Tensor perRow = f32(2, 2, 5);
    run(bytes.toBuilder().keyScale(perRow).valueScale(perRow));
    run(bytes.toBuilder().keyScale(f32(2, 2, 5, 4)).valueScale(f32(2, 2, 5, 6)));
    run(AttentionTensors.builder(q, k8, v, out).keyScale(perRow));
    run(AttentionTensors.builder(q, k, v8, out).valueScale(f32(1, 1, 5).expand(2, 2, 5)));
    rejected("keyScale is missing", "key is I8", () -> attention.run(device, q, k8, v, out));
    rejected("valueScale is missing", "value is I8", () -> attention.plan(device, q, k, v8, out));
    rejected(
        "valueScale is missing",
        "allowed: a tensor",
        () -> run(bytes.toBuilder().keyScale(perRow)));
    rejected("keyScale", "allowed: none", () -> run(tensors4().keyScale(perRow)));
    AttentionTensors good = bytes.toBuilder().keyScale(perRow).valueScale(perRow).build();
    rejected("keyScale", "rank 4", () -> run(good.toBuilder().keyScale(f32(2, 2))));
    rejected("keyScale", "the batch of query", () -> run(good.toBuilder().keyScale(f32(1, 2, 5))));
    rejected("valueScale", "heads of key", () -> run(good.toBuilder().valueScale(f32(2, 4, 5))));
    rejected(
        "valueScale",
        "the key length of key",
        () -> run(good.toBuilder().valueScale(f32(2, 2, 4))));
    rejected("keyScale", "divisors of 8", () -> run(good.toBuilder().keyScale(f32(2, 2, 5, 3))));
    rejected(
        "valueScale", "divisors of 6", () -> run(good.toBuilder().valueScale(f32(2, 2, 5, 0))));
    Tensor half = Tensor.allocate(arena, DType.F16, 2, 2, 5);
    rejected("keyScale", "type F32", () -> run(good.toBuilder().keyScale(half)));
    Tensor inOutput = Tensor.of(out.segment(), DType.F32, 2, 2, 5);
    rejected("output", "overlaps keyScale", () -> run(good.toBuilder().keyScale(inOutput)));
    Tensor lse = f32(2, 4, 3);
    Tensor inLse = Tensor.of(lse.segment(), DType.F32, 2, 2, 5);
    rejected("lse", "overlaps valueScale", () -> run(good.toBuilder().lse(lse).valueScale(inLse)));
    Tensor query8 = Tensor.allocate(arena, DType.I8, 2, 4, 3, 8);
    rejected("query", "F32, F16 or BF16", () -> attention.run(device, query8, k, v, out));
    Tensor out8 = Tensor.allocate(arena, DType.I8, 2, 4, 3, 6);
    rejected("output", "F32, F16 or BF16", () -> attention.run(device, q, k, v, out8));
    Tensor longs = Tensor.allocate(arena, DType.I64, 2, 2, 5, 8);
    rejected("key", "F32, F16, BF16 or I8", () -> attention.run(device, q, longs, v, out));
    Tensor x8 = Tensor.allocate(arena, DType.I8, 2, 5, 8);
    try (MultiHeadAttention mha = projections().build()) {
      rejected(
          "key", "F32, F16 or BF16", () -> mha.run(device, f32(2, 5, 8), x8, x8, f32(2, 5, 8)));
    }
    rejected("weight", "F32, F16 or BF16", () -> Linear.of(device, x8.select(0, 0), null));
  }

  @Test
  void checksOptions() {
    Attention.Builder builder = Attention.builder();
    rejected("scale is NaN", "finite", () -> builder.scale(Double.NaN));
    rejected("scale is 1.0E39", "finite", () -> builder.scale(1e39));
    rejected("softcap is -1", "positive", () -> builder.softcap(-1));
    rejected("softcap is NaN", "positive", () -> builder.softcap(Double.NaN));
    rejected("softcap is 1.0E-60", "positive", () -> builder.softcap(1e-60));
    rejected("left window is -2", "-1", () -> builder.window(-2, 0));
    rejected("right window is -3", "-1", () -> builder.window(0, -3));
    rejected("threads is -1", "1024", () -> CpuOptions.builder().threads(-1));
    rejected("threads is 1025", "1024", () -> CpuOptions.builder().threads(1025));
    assertThrows(NullPointerException.class, () -> builder.causal(null));
  }

  @Test
  void checksMemory() {
    Tensor readOnly = Tensor.of(f32(144).segment().asReadOnly(), DType.F32, 2, 4, 3, 6);
    rejected("output", "read-only", () -> attention.run(device, q, k, v, readOnly));
    rejected(
        "output",
        "twice",
        () -> attention.run(device, q, k, v, f32(1, 4, 3, 6).expand(2, 4, 3, 6)));
    Arena other = Arena.ofShared();
    Tensor gone = Tensor.allocate(other, DType.F32, 2, 4, 3, 6);
    other.close();
    IllegalStateException closed =
        assertThrows(IllegalStateException.class, () -> attention.run(device, q, k, v, gone));
    assertTrue(closed.getMessage().contains("output"), closed.getMessage());
  }

  @Test
  void checksTheThreadOfConfinedMemory() {
    try (Arena confined = Arena.ofConfined()) {
      Tensor mine = Tensor.allocate(confined, DType.F32, 2, 4, 3, 6);
      CompletableFuture<Void> elsewhere =
          CompletableFuture.runAsync(() -> attention.run(device, q, k, v, mine));
      Throwable cause = assertThrows(CompletionException.class, elsewhere::join).getCause();
      assertEquals(WrongThreadException.class, cause.getClass());
      assertTrue(cause.getMessage().contains("output"), cause.getMessage());
    }
  }

  @Test
  void checksLinear() {
    rejected("weight", "rank 2", () -> Linear.of(device, f32(4), null));
    rejected("bias", "rows of weight", () -> Linear.of(device, f32(4, 3), f32(3)));
    rejected("weight", "1 to", () -> Linear.of(device, f32(0, 3), null));
    try (Linear linear = Linear.of(device, f32(4, 3), f32(4))) {
      linear.run(device, f32(7, 3), f32(7, 4));
      linear.run(device, f32(2, 7, 3), f32(2, 7, 4));
      rejected("input", "size 4", () -> linear.run(device, f32(7, 4), f32(7, 4)));
      rejected("output", "size 6", () -> linear.run(device, f32(7, 3), f32(6, 4)));
      rejected("output", "rank 2", () -> linear.run(device, f32(7, 3), f32(1, 7, 4)));
      rejected("input", "rank 2", () -> linear.run(device, f32(3), f32(4)));
      Tensor both = f32(7, 4);
      rejected("output", "overlaps input", () -> linear.run(device, both.slice(1, 0, 3), both));
    }
  }

  @Test
  void checksMultiHeadModels() {
    rejected("query projection", "missing", () -> multiHead().build());
    rejected("heads is 0", "1 or more", () -> multiHead().heads(0));
    rejected(
        "query weight",
        "3 heads",
        () -> multiHead().heads(3).inProjection(f32(24, 8), null).build());
    rejected("in-projection weight", "3 rows", () -> multiHead().inProjection(f32(25, 8), null));
    rejected("key weight", "size 6", () -> projections().key(f32(6, 8), null).build());
    rejected("output weight", "size 7", () -> projections().output(f32(8, 7), null).build());
    rejected("biasKey", "size 7", () -> projections().biasKeyValue(f32(7), f32(8)).build());
    rejected("2 heads and key 4", "multiple", () -> projections().kvHeads(4).build());
    projections().build().close();
  }

  @Test
  void checksMultiHeadCalls() {
    Tensor x = f32(2, 5, 8);
    Tensor y = f32(2, 5, 8);
    try (MultiHeadAttention mha = projections().build()) {
      mha.run(device, x, x, x, y);
      mha.run(device, f32(5, 8), f32(3, 8), f32(3, 8), f32(5, 8));
      rejected("key", "rank 3", () -> mha.run(device, x, f32(5, 8), x, y));
      rejected("value", "the key length of key", () -> mha.run(device, x, x, f32(2, 4, 8), y));
      rejected("query", "size 7", () -> mha.run(device, f32(2, 5, 7), x, x, y));
      rejected("output", "overlaps query", () -> mha.run(device, x, x, x, x));
      rejected("query", "rank 3", () -> mha.run(device, f32(8), f32(8), f32(8), f32(8)));
      MultiHeadAttentionTensors tensors =
          MultiHeadAttentionTensors.builder(x, x, x, y).sinks(f32(1)).lse(f32(2, 3, 5)).build();
      String message =
          assertThrows(IllegalArgumentException.class, () -> mha.run(device, tensors)).getMessage();
      assertTrue(message.endsWith("allowed: 2, the query heads"), message);
      try (Device second = Device.java()) {
        rejected("another device, java", "of the weights", () -> mha.run(second, x, x, x, y));
      }
    }
  }

  private MultiHeadAttention.Builder multiHead() {
    return MultiHeadAttention.builder(device);
  }

  private MultiHeadAttention.Builder projections() {
    return multiHead().heads(2).inProjection(f32(24, 8), f32(24)).output(f32(8, 8), f32(8));
  }

  private void run(AttentionTensors.Builder tensors) {
    attention.run(device, tensors.build());
  }

  /** The message names the argument (or its value) and what was allowed. */
  private static void rejected(String name, String allowed, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.contains(name), name + " not in: " + message);
    assertTrue(message.contains(allowed), allowed + " not in: " + message);
  }
}
