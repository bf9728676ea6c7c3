// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Quantization;
import dev.rapt.Tensor;
import dev.rapt.check.Judge;
import dev.rapt.check.Layout;
import dev.rapt.check.Placed;
import dev.rapt.check.Values;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Bytes and scales: what they stand for is what was given, to half a step. */
class QuantizationTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private Tensor bytes(long... shape) {
    return Tensor.allocate(arena, DType.I8, shape);
  }

  private Tensor f32(long... shape) {
    return Tensor.allocate(arena, DType.F32, shape);
  }

  @Test
  void byTheLargestMagnitudeOfARow() {
    Tensor source = Tensor.copyOf(arena, new float[] {1, -2, 0.5f, 0, 0, 0, 254, 127, -63}, 3, 3);
    Tensor quantised = bytes(3, 3);
    Tensor scale = f32(3);
    Quantization.symmetric(source, quantised, scale);
    assertArrayEquals(new float[] {2f / 127, 0, 2}, scale.toFloatArray());
    // 1 is 63.5 steps and 127 is 63.5 too: ties go to even.
    assertArrayEquals(new byte[] {64, -127, 32, 0, 0, 0, 127, 64, -32}, quantised.toByteArray());
  }

  /** Every layout and storage type, by row and in groups, against the definition. */
  @Test
  void isOffByHalfAStepAtMost() {
    Random random = new Random(1);
    int[] shape = {2, 3, 5, 12};
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
      for (Layout layout : Layout.values()) {
        for (int groups : new int[] {0, 1, 2, 4, 12}) {
          float[] data = Values.round(Values.normal(random, 360, 3), dtype);
          if (layout == Layout.SHARED) {
            for (int i = 60; i < 360; i += 60) {
              System.arraycopy(data, 0, data, i, 60);
            }
          }
          Placed source = Placed.input(arena, dtype, layout, data, shape);
          Layout written = layout == Layout.SHARED ? Layout.BHSD : layout;
          Placed quantised = Placed.input(arena, DType.I8, written, new float[360], shape);
          int[] scales = groups == 0 ? new int[] {2, 3, 5} : new int[] {2, 3, 5, groups};
          Placed scale = Placed.output(arena, written, scales);
          Quantization.symmetric(source.tensor(), quantised.tensor(), scale.tensor());
          String what = dtype + " " + layout + " in " + groups;
          check(what, data, quantised.tensor(), scale.values(), 12 / Math.max(1, groups));
          source.checkUnchanged(what);
          quantised.checkSurroundings(what);
          scale.checkSurroundings(what);
        }
      }
    }
  }

  private static void check(String what, float[] data, Tensor quantised, float[] scale, int width) {
    byte[] bytes = quantised.toByteArray();
    for (int group = 0; group < scale.length; group++) {
      float largest = 0;
      int reached = 0;
      for (int i = group * width; i < (group + 1) * width; i++) {
        largest = Math.max(largest, Math.abs(data[i]));
        reached = Math.max(reached, Math.abs(bytes[i]));
        double error = Math.abs(bytes[i] * (double) scale[group] - data[i]);
        assertTrue(error <= scale[group] * 0.50001, what + ": " + data[i] + " is off by " + error);
      }
      assertEquals(largest / 127, scale[group], what);
      assertEquals(127, reached, what);
    }
  }

  /** What it is for: attention over the bytes is close to attention over the floats. */
  @Test
  void attentionOverBytesIsCloseToThatOverFloats() {
    Random random = new Random(2);
    Tensor query = Tensor.copyOf(arena, Values.normal(random, 3 * 64, 1), 1, 1, 3, 64);
    Tensor key = Tensor.copyOf(arena, Values.normal(random, 300 * 64, 1), 1, 1, 300, 64);
    Tensor value = Tensor.copyOf(arena, Values.normal(random, 300 * 64, 1), 1, 1, 300, 64);
    Tensor key8 = bytes(1, 1, 300, 64);
    Tensor value8 = bytes(1, 1, 300, 64);
    Tensor keyScale = f32(1, 1, 300, 2);
    Tensor valueScale = f32(1, 1, 300);
    Quantization.symmetric(key, key8, keyScale);
    Quantization.symmetric(value, value8, valueScale);
    Attention attention = Attention.builder().build();
    Judge.everyTier(
        tier -> {
          Tensor exact = f32(1, 1, 3, 64);
          Tensor close = f32(1, 1, 3, 64);
          attention.run(tier.device(), query, key, value, exact);
          attention.run(
              tier.device(),
              AttentionTensors.builder(query, key8, value8, close)
                  .keyScale(keyScale)
                  .valueScale(valueScale)
                  .build());
          // A weighted mean is off by half a step of some 3 / 127 where no key's error shows.
          assertArrayEquals(exact.toFloatArray(), close.toFloatArray(), 0.012f, tier + "");
        });
  }

  @Test
  void fillsTheSliceOfACache() {
    Tensor cache = bytes(1, 2, 8, 4);
    Tensor scales = f32(1, 2, 8);
    Tensor step = f32(1, 2, 1, 4);
    step.copyFrom(new float[] {1, 1, 1, 1, 2, 2, 2, 2});
    Quantization.symmetric(step, cache.slice(2, 3, 4), scales.slice(2, 3, 4));
    byte[] expected = new byte[64];
    Arrays.fill(expected, 12, 16, (byte) 127);
    Arrays.fill(expected, 44, 48, (byte) 127);
    assertArrayEquals(expected, cache.toByteArray());
    assertEquals(1f / 127, scales.get(0, 0, 3));
    assertEquals(2f / 127, scales.get(0, 1, 3));
  }

  @Test
  void extremeRows() {
    float[] data = {
      Float.NaN,
      1,
      Float.NEGATIVE_INFINITY,
      1,
      Float.MAX_VALUE,
      1,
      Float.MIN_VALUE,
      0,
      1e-43f,
      -9e-44f
    };
    Tensor quantised = bytes(5, 2);
    Tensor scale = f32(5);
    Quantization.symmetric(Tensor.copyOf(arena, data, 5, 2), quantised, scale);
    assertTrue(Float.isNaN(scale.get(0)) && Float.isNaN(scale.get(1)), "not finite shows");
    assertArrayEquals(new float[] {127, 0}, quantised.slice(0, 2, 3).toFloatArray());
    assertEquals(Float.MIN_VALUE, scale.get(3));
    assertArrayEquals(new float[] {1, 0}, quantised.slice(0, 3, 4).toFloatArray());
    for (int i = 0; i < 10; i++) {
      float value = quantised.get(i / 2, i % 2);
      assertTrue(Math.abs(value) <= 127, "element " + i + " is " + value);
    }
    Quantization.symmetric(f32(0, 3), bytes(0, 3), f32(0));
  }

  /** Every number of units of the smallest f32 around the places where the scale's bits run out. */
  @Test
  void theSmallestScalesReachTheLargestElement() {
    for (int units = 0; units < 1 << 16; units += units < 4096 ? 1 : 37) {
      isOffByHalfAScale(DType.F32, units * Float.MIN_VALUE);
    }
  }

  /** Magnitudes over all exponents, each with fractions that round up and down. */
  @Test
  void everyExponentIsOffByHalfAScaleAtMost() {
    Random random = new Random(3);
    for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
      for (int exponent = 0; exponent < 255; exponent++) {
        for (int fraction : new int[] {0, 1, 0x400000, 0x7fffff, random.nextInt(0x800000)}) {
          float drawn = Float.intBitsToFloat(exponent << 23 | fraction);
          float largest = (float) Values.round(drawn, dtype);
          if (Float.isFinite(largest)) {
            isOffByHalfAScale(dtype, largest);
          }
        }
      }
    }
    isOffByHalfAScale(DType.F32, Float.MAX_VALUE);
    isOffByHalfAScale(DType.F32, Math.nextDown(Float.MAX_VALUE));
    isOffByHalfAScale(DType.F16, 65504);
    isOffByHalfAScale(DType.BF16, 0x1.FEp127f);
  }

  private final Tensor oneRow = f32(1, 4);
  private final Tensor oneScale = f32(1);
  private final Tensor oneQuantised = bytes(1, 4);

  private void isOffByHalfAScale(DType dtype, float largest) {
    float[] row = {largest, 0, -largest / 2, largest / 3};
    for (int i = 0; i < row.length; i++) {
      row[i] = (float) Values.round(row[i], dtype);
    }
    Tensor source = dtype == DType.F32 ? oneRow : Tensor.allocate(arena, dtype, 1, 4);
    source.copyFrom(row);
    Quantization.symmetric(source, oneQuantised, oneScale);
    float scale = oneScale.get(0);
    byte[] bytes = oneQuantised.toByteArray();
    assertEquals(largest == 0, scale == 0, largest + " has the scale " + scale);
    for (int i = 0; i < row.length; i++) {
      double error = Math.abs((double) bytes[i] * scale - row[i]);
      assertTrue(
          error <= 0.5 * scale, dtype + " " + row[i] + " of " + largest + ": off by " + error);
      assertTrue(Float.isFinite(bytes[i] * scale), dtype + " " + row[i] + " came to be infinite");
    }
  }

  @Test
  void checksArguments() {
    Tensor x = f32(2, 6);
    rejected("source", "rank 2", () -> Quantization.symmetric(f32(6), bytes(6), f32(1)));
    rejected(
        "source",
        "F32, F16 or BF16",
        () -> Quantization.symmetric(bytes(2, 6), bytes(2, 6), f32(2)));
    rejected("quantised", "I8", () -> Quantization.symmetric(x, f32(2, 6), f32(2)));
    rejected("quantised", "size 5", () -> Quantization.symmetric(x, bytes(2, 5), f32(2)));
    rejected("quantised", "size 3", () -> Quantization.symmetric(x, bytes(3, 6), f32(2)));
    rejected("scale", "F32", () -> Quantization.symmetric(x, bytes(2, 6), bytes(2)));
    rejected("scale", "size 3", () -> Quantization.symmetric(x, bytes(2, 6), f32(3)));
    rejected("scale", "divisors of 6", () -> Quantization.symmetric(x, bytes(2, 6), f32(2, 4)));
    rejected("scale", "one less", () -> Quantization.symmetric(x, bytes(2, 6), f32(1, 2, 1)));
    rejected(
        "quantised", "twice", () -> Quantization.symmetric(x, bytes(1, 6).expand(2, 6), f32(2)));
    Tensor same = Tensor.of(x.segment(), DType.I8, 2, 6);
    rejected("quantised", "overlaps source", () -> Quantization.symmetric(x, same, f32(2)));
    Tensor readOnly = Tensor.of(f32(2).segment().asReadOnly(), DType.F32, 2);
    rejected("scale", "read-only", () -> Quantization.symmetric(x, bytes(2, 6), readOnly));
    assertThrows(NullPointerException.class, () -> Quantization.symmetric(x, null, f32(2)));
  }

  private static void rejected(String name, String allowed, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.contains(name), name + " not in: " + message);
    assertTrue(message.contains(allowed), allowed + " not in: " + message);
  }
}
