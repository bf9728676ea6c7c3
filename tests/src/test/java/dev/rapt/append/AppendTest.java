// SPDX-License-Identifier: Apache-2.0
package dev.rapt.append;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Append;
import dev.rapt.AppendTensors;
import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Plan;
import dev.rapt.Quantization;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Appending against rotary embedding, copies and quantisation one after the other. */
class AppendTest {
  private static final int TOKENS = 6;
  private static final int HEADS = 3;
  private static final int WIDTH = 16;
  private static final int PAGES = 4;
  private static final int ROWS = 2;
  private static final int[] SLOTS = {5, -1, 0, 7, 2, 3};
  private static final int[] POSITIONS = {9, 0, 1, 2, 40, 3};
  private static final float UNTOUCHED = -99;

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

  private static Tensor cache(Arena arena, DType dtype, long... shape) {
    Tensor cache = Tensor.allocate(arena, dtype, shape);
    cache.fill(UNTOUCHED);
    return cache;
  }

  private static Tensor indices(Arena arena, int[] values) {
    Tensor tensor = Tensor.allocate(arena, DType.I32, 1, values.length);
    tensor.copyFrom(values);
    return tensor;
  }

  /** The rows of one token, all heads: (heads, width). */
  private static float[] token(Tensor rows, int token) {
    return rows.select(0, 0).select(1, token).toFloatArray();
  }

  /** The rows of one slot, all heads. */
  private static float[] slot(Tensor cache, int slot) {
    return cache.select(0, slot / ROWS).select(1, slot % ROWS).toFloatArray();
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void turnsConvertsAndPlaces(DType dtype) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor key = random(arena, DType.F32, 1, 1, HEADS, TOKENS, WIDTH);
      Tensor value = random(arena, DType.BF16, 2, 1, HEADS, TOKENS, WIDTH / 2);
      Tensor positions = indices(arena, POSITIONS);
      RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, 64, WIDTH);
      for (Tier tier : Tier.usable()) {
        Device device = tier.device();
        Tensor keyCache = cache(arena, dtype, PAGES, HEADS, ROWS, WIDTH);
        Tensor valueCache = cache(arena, dtype, PAGES, HEADS, ROWS, WIDTH / 2);
        Tensor query = random(arena, dtype, 3, 1, 2 * HEADS, TOKENS, WIDTH);
        Tensor turnedQuery = Tensor.allocate(arena, dtype, query.shape());
        RotaryEmbedding rope = RotaryEmbedding.builder().build();
        rope.run(device, query, tables, positions, turnedQuery);
        Tensor turned = Tensor.allocate(arena, dtype, key.shape());
        rope.run(device, key, tables, positions, turned);
        Tensor converted = Tensor.allocate(arena, dtype, value.shape());
        converted.copyFrom(value);

        Append.builder()
            .build()
            .run(
                device,
                AppendTensors.builder(key, value, indices(arena, SLOTS), keyCache, valueCache)
                    .tables(tables)
                    .positions(positions)
                    .query(query)
                    .build());

        boolean[] taken = new boolean[PAGES * ROWS];
        for (int t = 0; t < TOKENS; t++) {
          if (SLOTS[t] >= 0) {
            taken[SLOTS[t]] = true;
            assertArrayEquals(token(turned, t), slot(keyCache, SLOTS[t]), tier + " key " + t);
            assertArrayEquals(token(converted, t), slot(valueCache, SLOTS[t]), tier + " " + t);
          }
        }
        for (int slot = 0; slot < taken.length; slot++) {
          if (!taken[slot]) {
            for (float kept : slot(keyCache, slot)) {
              assertEquals(UNTOUCHED, kept, tier + " slot " + slot);
            }
          }
        }
        assertArrayEquals(turnedQuery.toFloatArray(), query.toFloatArray(), tier + " query");
      }
    }
  }

  @Test
  void quantisesAsQuantizationDoes() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor key = random(arena, DType.F32, 5, HEADS, TOKENS, WIDTH);
      Tensor value = random(arena, DType.F32, 6, HEADS, TOKENS, WIDTH);
      int[] inOrder = {0, 1, 2, 3, 4, 5};
      Tensor slots = indices(arena, inOrder).select(0, 0);
      for (Tier tier : Tier.usable()) {
        Tensor keyCache = Tensor.allocate(arena, DType.I8, 1, HEADS, TOKENS, WIDTH);
        Tensor valueCache = Tensor.allocate(arena, DType.I8, 1, HEADS, TOKENS, WIDTH);
        Tensor keyScale = Tensor.allocate(arena, DType.F32, 1, HEADS, TOKENS);
        Tensor valueScale = Tensor.allocate(arena, DType.F32, 1, HEADS, TOKENS, 4);
        Append.builder()
            .build()
            .run(
                tier.device(),
                AppendTensors.builder(key, value, slots, keyCache, valueCache)
                    .keyScale(keyScale)
                    .valueScale(valueScale)
                    .build());
        Tensor quantised = Tensor.allocate(arena, DType.I8, HEADS, TOKENS, WIDTH);
        Tensor scale = Tensor.allocate(arena, DType.F32, HEADS, TOKENS);
        Quantization.symmetric(key, quantised, scale);
        assertArrayEquals(scale.toFloatArray(), keyScale.toFloatArray(), tier + " key scale");
        assertArrayEquals(quantised.toFloatArray(), keyCache.toFloatArray(), tier + " key");
        Tensor groups = Tensor.allocate(arena, DType.F32, HEADS, TOKENS, 4);
        Quantization.symmetric(value, quantised, groups);
        assertArrayEquals(groups.toFloatArray(), valueScale.toFloatArray(), tier + " value scale");
        assertArrayEquals(quantised.toFloatArray(), valueCache.toFloatArray(), tier + " value");
      }
    }
  }

  /** Written token by token into one allocation that keys and values share, then attended to. */
  @Test
  void fillsWhatAttentionReads() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor key = random(arena, DType.F32, 7, 1, HEADS, TOKENS, WIDTH);
      Tensor value = random(arena, DType.F32, 8, 1, HEADS, TOKENS, WIDTH);
      Tensor query = random(arena, DType.F32, 9, 1, HEADS, TOKENS, WIDTH);
      Attention attention = Attention.builder().causal(Causal.BOTTOM_RIGHT).build();
      for (Tier tier : Tier.usable()) {
        // (samples, keys or values, rows, heads, width): rows lie outside of heads.
        Tensor pool = Tensor.allocate(arena, DType.F32, 2, 2, TOKENS, HEADS, WIDTH);
        Tensor keys = pool.select(1, 0).permute(0, 2, 1, 3);
        Tensor values = pool.select(1, 1).permute(0, 2, 1, 3);
        for (int t = 0; t < TOKENS; t++) {
          Tensor slots = indices(arena, new int[] {TOKENS + t});
          Append.builder()
              .build()
              .run(
                  tier.device(),
                  AppendTensors.builder(
                          key.slice(2, t, t + 1), value.slice(2, t, t + 1), slots, keys, values)
                      .build());
        }
        Tensor expected = Tensor.allocate(arena, DType.F32, 1, HEADS, TOKENS, WIDTH);
        Tensor actual = Tensor.allocate(arena, DType.F32, 1, HEADS, TOKENS, WIDTH);
        attention.run(tier.device(), query, key, value, expected);
        attention.run(tier.device(), query, keys.slice(0, 1, 2), values.slice(0, 1, 2), actual);
        assertArrayEquals(expected.toFloatArray(), actual.toFloatArray(), tier.toString());
        assertEquals(0, pool.get(0, 0, 0, 0, 0), tier.toString());
      }
    }
  }

  @Test
  void namesWhatDoesNotFit() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor key = Tensor.allocate(arena, DType.F32, 1, HEADS, TOKENS, WIDTH);
      Tensor value = Tensor.allocate(arena, DType.F32, 1, HEADS, TOKENS, WIDTH);
      Tensor keys = cache(arena, DType.F32, PAGES, HEADS, ROWS, WIDTH);
      Tensor values = cache(arena, DType.F32, PAGES, HEADS, ROWS, WIDTH);
      Tensor good = indices(arena, SLOTS);
      RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, 8, WIDTH);
      for (Tier tier : Tier.usable()) {
        Device device = tier.device();
        rejected(
            device,
            builder(key, value, indices(arena, new int[] {0, 1, 2, 3, 4, 8}), keys, values),
            "slots(0, 5) is 8; allowed: -1 to 7");
        rejected(
            device,
            builder(key, value, indices(arena, new int[] {0, 1, 2, 3, 1, 7}), keys, values),
            "slots(0, 1) and slots(0, 4) are both 1; allowed: a slot once");
        rejected(device, builder(key, value, good, keys, values).positions(good), "positions");
        rejected(
            device,
            builder(key, value, good, keys, values)
                .tables(tables)
                .positions(indices(arena, POSITIONS)),
            "positions(0, 0) is 9; allowed: 0 to 7");
        rejected(device, builder(key, value, good, keys, keys), "overlaps");
        rejected(device, builder(key, value, good, keys, values).keyScale(key), "keyScale");
        rejected(
            device,
            builder(key, value, good, cache(arena, DType.I8, PAGES, HEADS, ROWS, WIDTH), values),
            "keyScale is missing");
        rejected(
            device, builder(key, value, good, keys.slice(1, 0, 2), values), "key and value heads");
      }
      for (float kept : keys.toFloatArray()) {
        assertEquals(UNTOUCHED, kept);
      }
      assertThrows(IllegalArgumentException.class, () -> Append.builder().rotaryDim(3));
      assertThrows(NullPointerException.class, () -> builder(key, value, good, keys, null));
    }
  }

  @Test
  void cudaSaysThatItHasNoKernel() {
    Cuda.require();
    long rows = HEADS * TOKENS * WIDTH;
    long cache = PAGES * HEADS * ROWS * WIDTH;
    try (CudaDevice device = Cuda.open();
        DeviceMemory memory = device.allocate(DType.F32, 2 * rows + 2 * cache);
        DeviceMemory indices = device.allocate(DType.I32, TOKENS)) {
      long[] shape = {1, HEADS, TOKENS, WIDTH};
      long[] strides = {rows, TOKENS * WIDTH, WIDTH, 1};
      long[] pages = {PAGES, HEADS, ROWS, WIDTH};
      long[] apart = {HEADS * ROWS * WIDTH, ROWS * WIDTH, WIDTH, 1};
      Tensor key = memory.tensor(0, DType.F32, shape, strides);
      Tensor value = memory.tensor(rows, DType.F32, shape, strides);
      Tensor keys = memory.tensor(2 * rows, DType.F32, pages, apart);
      Tensor values = memory.tensor(2 * rows + cache, DType.F32, pages, apart);
      Tensor slots = indices.tensor(DType.I32, 1, TOKENS);
      Plan plan =
          Append.builder().build().plan(device, builder(key, value, slots, keys, values).build());
      assertFalse(plan.supported());
      assertTrue(plan.reason().contains("no kernel for append"), plan.reason());
    }
  }

  private static AppendTensors.Builder builder(
      Tensor key, Tensor value, Tensor slots, Tensor keys, Tensor values) {
    return AppendTensors.builder(key, value, slots, keys, values);
  }

  private static void rejected(Device device, AppendTensors.Builder tensors, String part) {
    AppendTensors call = tensors.build();
    IllegalArgumentException thrown =
        assertThrows(
            IllegalArgumentException.class, () -> Append.builder().build().run(device, call));
    assertTrue(thrown.getMessage().contains(part), thrown.getMessage());
  }
}
