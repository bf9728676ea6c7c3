// SPDX-License-Identifier: Apache-2.0
package dev.rapt.merge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.CudaDevice;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Merge;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Merging against attention over all keys at once, on every tier, and what it refuses. */
class MergeTest {
  private static final Attention ATTENTION = Attention.builder().build();
  private static final int PARTS = 3;
  private static final int KEYS = 21;

  private static Tensor random(Arena arena, DType dtype, long seed, long... shape) {
    Tensor tensor = Tensor.allocate(arena, dtype, shape);
    Random random = new Random(seed);
    float[] data = new float[(int) tensor.elements()];
    for (int i = 0; i < data.length; i++) {
      data[i] = random.nextFloat(-2, 2);
    }
    tensor.copyFrom(data);
    return tensor;
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void partsMakeTheWhole(DType dtype) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor query = random(arena, DType.F32, 1, 2, 4, 5, 16);
      Tensor key = random(arena, DType.F32, 2, 2, 2, KEYS, 16);
      Tensor value = random(arena, DType.F32, 3, 2, 2, KEYS, 8);
      Tensor whole = Tensor.allocate(arena, DType.F32, 2, 4, 5, 8);
      Tensor wholeLse = Tensor.allocate(arena, DType.F32, 2, 4, 5);
      Tensor partial = Tensor.allocate(arena, dtype, PARTS, 2, 4, 5, 8);
      Tensor partialLse = Tensor.allocate(arena, DType.F32, PARTS, 2, 4, 5);
      Tensor merged = Tensor.allocate(arena, DType.F32, 2, 4, 5, 8);
      Tensor mergedLse = Tensor.allocate(arena, DType.F32, 2, 4, 5);
      float tolerance = dtype == DType.F32 ? 1e-5f : dtype == DType.F16 ? 2e-3f : 2e-2f;
      for (Tier tier : Tier.usable()) {
        Device device = tier.device();
        ATTENTION.run(
            device, AttentionTensors.builder(query, key, value, whole).lse(wholeLse).build());
        for (int part = 0; part < PARTS; part++) {
          // Of 21 keys the parts see 0 to 14, 14 to 21 and none.
          long from = Math.min(part * 14L, KEYS);
          long to = Math.min(from + 14, KEYS);
          ATTENTION.run(
              device,
              AttentionTensors.builder(
                      query,
                      key.slice(2, from, to),
                      value.slice(2, from, to),
                      partial.select(0, part))
                  .lse(partialLse.select(0, part))
                  .build());
        }
        partial.select(0, PARTS - 1).fill(Float.NaN); // an empty part's output does not matter
        Merge.run(device, partial, partialLse, merged, mergedLse);
        assertArrayEquals(whole.toFloatArray(), merged.toFloatArray(), tolerance, tier + " output");
        assertArrayEquals(wholeLse.toFloatArray(), mergedLse.toFloatArray(), 1e-5f, tier + " LSE");
        merged.fill(7);
        Merge.run(device, partial, partialLse, merged);
        assertArrayEquals(whole.toFloatArray(), merged.toFloatArray(), tolerance, tier + " alone");
      }
    }
  }

  @Test
  void rowsOfEmptyPartsAreEmpty() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor partial = Tensor.allocate(arena, DType.F32, 2, 1, 1, 2, 3);
      Tensor partialLse = Tensor.allocate(arena, DType.F32, 2, 1, 1, 2);
      partial.fill(Float.NaN);
      partialLse.fill(Float.NEGATIVE_INFINITY);
      partial.slice(3, 1, 2).fill(2);
      partialLse.slice(3, 1, 2).fill(0);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, 1, 2, 3);
      Tensor lse = Tensor.allocate(arena, DType.F32, 1, 1, 2);
      for (Tier tier : Tier.usable()) {
        Merge.run(tier.device(), partial, partialLse, output, lse);
        assertArrayEquals(new float[] {0, 0, 0, 2, 2, 2}, output.toFloatArray(), tier.toString());
        assertEquals(Float.NEGATIVE_INFINITY, lse.get(0, 0, 0), tier.toString());
        assertEquals((float) Math.log(2), lse.get(0, 0, 1), 1e-6f, tier.toString());
      }
    }
  }

  /** Without a batch, and without heads: one way of a call for all ranks. */
  @Test
  void takesFewerDimensions() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor partial = random(arena, DType.F32, 5, 2, 1, 1, 3, 4);
      Tensor partialLse = random(arena, DType.F32, 6, 2, 1, 1, 3);
      Tensor full = Tensor.allocate(arena, DType.F32, 1, 1, 3, 4);
      Tensor rows = Tensor.allocate(arena, DType.F32, 3, 4);
      for (Tier tier : Tier.usable()) {
        Merge.run(tier.device(), partial, partialLse, full);
        Merge.run(tier.device(), partial.reshape(2, 3, 4), partialLse.reshape(2, 3), rows);
        assertArrayEquals(full.toFloatArray(), rows.toFloatArray(), tier.toString());
      }
    }
  }

  @Test
  void namesWhatDoesNotFit() {
    try (Arena arena = Arena.ofConfined();
        Device device = Device.java()) {
      Tensor partial = Tensor.allocate(arena, DType.F32, 2, 1, 2, 3, 4);
      Tensor lses = Tensor.allocate(arena, DType.F32, 2, 1, 2, 3);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, 2, 3, 4);
      Tensor three = Tensor.allocate(arena, DType.F32, 3, 1, 2, 3);
      rejected("partialLse", "the parts of", () -> Merge.run(device, partial, three, output));
      Tensor half = Tensor.allocate(arena, DType.F16, 2, 1, 2, 3);
      rejected("partialLse", "type F32", () -> Merge.run(device, partial, half, output));
      Tensor flat = lses.reshape(2, 6);
      rejected("partialOutput", "rank 5", () -> Merge.run(device, flat, lses, output));
      Tensor inside = partial.select(0, 1);
      rejected("output", "overlaps", () -> Merge.run(device, partial, lses, inside));
      assertThrows(NullPointerException.class, () -> Merge.run(device, partial, null, output));
      Plan plan = Merge.plan(device, partial, lses, output, null);
      assertTrue(plan.supported() && plan.name().startsWith("merge_"), plan.toString());
    }
  }

  @Test
  void runsOnAStream() {
    Cuda.require();
    try (Arena arena = Arena.ofConfined();
        CudaDevice device = Cuda.open();
        DeviceMemory memory = device.allocate(DType.F32, 2 * 6 + 2 * 3 + 6);
        CudaStream stream = device.newStream()) {
      Tensor partial = memory.tensor(DType.F32, 2, 1, 1, 3, 2);
      Tensor lses = memory.tensor(12, DType.F32, new long[] {2, 1, 1, 3}, new long[] {3, 3, 3, 1});
      Tensor output =
          memory.tensor(18, DType.F32, new long[] {1, 1, 3, 2}, new long[] {6, 6, 2, 1});
      Tensor host = random(arena, DType.F32, 9, 18);
      device.copy(host, memory.tensor(DType.F32, 18));
      Plan plan = Merge.plan(device, partial, lses, output, null);
      assertTrue(plan.supported(), plan.reason());
      Merge.run(stream, partial, lses, output);
      stream.synchronize();
      Tensor back = Tensor.allocate(arena, DType.F32, 1, 1, 3, 2);
      device.copy(output, back);
      Tensor expected = Tensor.allocate(arena, DType.F32, 1, 1, 3, 2);
      try (Device java = Device.java()) {
        Merge.run(
            java,
            host.slice(0, 0, 12).reshape(2, 1, 1, 3, 2),
            host.slice(0, 12, 18).reshape(2, 1, 1, 3),
            expected);
      }
      assertArrayEquals(expected.toFloatArray(), back.toFloatArray(), 1e-5f);
    }
  }

  private static void rejected(String name, String allowed, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.contains(name) && message.contains(allowed), message);
  }
}
