// SPDX-License-Identifier: Apache-2.0
package dev.rapt.norm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.LayerNorm;
import dev.rapt.Plan;
import dev.rapt.RaptException;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Layer normalisation against its formula in double, on every tier, and what it refuses. */
class LayerNormTest {
  private static final double EPSILON = 1e-12;
  private static final LayerNorm NORM = LayerNorm.of(EPSILON);
  private static final int ROWS = 3;

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5, 7, 384, 1023, 2048})
  void agreesWithTheFormula(int width) {
    Random random = new Random(width);
    float[] input = random(random, ROWS * width);
    float[] residual = random(random, ROWS * width);
    float[] weight = random(random, width);
    float[] bias = random(random, width);
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = Tensor.copyOf(arena, input, ROWS, width);
      Tensor y = Tensor.copyOf(arena, residual, ROWS, width);
      Tensor w = Tensor.copyOf(arena, weight, width);
      Tensor b = Tensor.copyOf(arena, bias, width);
      Tensor output = Tensor.allocate(arena, DType.F32, ROWS, width);
      for (Tier tier : Tier.usable()) {
        x.copyFrom(input);
        NORM.run(tier.device(), x, y, w, b, output);
        check(expected(input, residual, weight, bias), output.toFloatArray(), tier);
        NORM.run(tier.device(), x, null, w, null, output);
        double[] plain = expected(input, new float[input.length], weight, new float[width]);
        check(plain, output.toFloatArray(), tier);
        NORM.run(tier.device(), x, null, w, null, x);
        assertArrayEquals(output.toFloatArray(), x.toFloatArray(), tier + " in place");
      }
    }
  }

  private static void check(double[] expected, float[] actual, Tier tier) {
    for (int i = 0; i < actual.length; i++) {
      double bound = 2e-6 * Math.max(1, Math.abs(expected[i]));
      assertEquals(expected[i], actual[i], bound, tier + " at " + i);
    }
  }

  private static double[] expected(float[] x, float[] y, float[] weight, float[] bias) {
    int width = weight.length;
    double[] result = new double[x.length];
    for (int from = 0; from < x.length; from += width) {
      double mean = 0;
      for (int i = from; i < from + width; i++) {
        mean += ((double) x[i] + y[i]) / width;
      }
      double variance = 0;
      for (int i = from; i < from + width; i++) {
        variance += Math.pow((double) x[i] + y[i] - mean, 2) / width;
      }
      for (int i = from; i < from + width; i++) {
        double normal = ((double) x[i] + y[i] - mean) / Math.sqrt(variance + EPSILON);
        result[i] = normal * weight[i - from] + bias[i - from];
      }
    }
    return result;
  }

  @Test
  void turnsAConstantRowIntoTheBias() {
    try (Arena arena = Arena.ofConfined()) {
      Tensor row = Tensor.copyOf(arena, new float[] {3, 3, 3, 3, 3}, 1, 5);
      Tensor weight = Tensor.copyOf(arena, new float[] {9, 9, 9, 9, 9}, 5);
      Tensor bias = Tensor.copyOf(arena, new float[] {1, 2, 3, 4, 5}, 5);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, 5);
      for (Tier tier : Tier.usable()) {
        NORM.run(tier.device(), row, null, weight, bias, output);
        assertArrayEquals(bias.toFloatArray(), output.toFloatArray(), tier.toString());
      }
    }
  }

  @Test
  void namesWhatDoesNotFit() {
    try (Arena arena = Arena.ofConfined();
        Device device = Device.java()) {
      Tensor input = Tensor.allocate(arena, DType.F32, 2, 3, 4);
      Tensor weight = Tensor.allocate(arena, DType.F32, 4);
      Tensor wide = Tensor.allocate(arena, DType.F32, 5);
      Tensor output = Tensor.allocate(arena, DType.F32, 2, 3, 4);
      rejected("weight", "features", () -> NORM.run(device, input, null, wide, null, output));
      rejected("bias", "features", () -> NORM.run(device, input, null, weight, wide, output));
      rejected("output", "overlaps", () -> NORM.run(device, input, output, weight, null, output));
      rejected("epsilon", "positive", () -> LayerNorm.of(0));
      rejected("epsilon", "positive", () -> LayerNorm.of(Double.NaN));
      rejected("epsilon", "finite", () -> LayerNorm.of(1e300));
      assertThrows(
          NullPointerException.class, () -> NORM.run(device, input, null, null, null, output));
      Plan plan = NORM.plan(device, input, null, weight, null, output);
      assertTrue(plan.supported() && plan.name().startsWith("norm_"), plan.toString());
    }
  }

  @Test
  void aGpuSaysThatItHasNoKernel() {
    Cuda.require();
    try (CudaDevice device = Cuda.open();
        DeviceMemory memory = device.allocate(64);
        DeviceMemory weights = device.allocate(16)) {
      Tensor tensor = memory.tensor(DType.F32, 4, 4);
      Tensor weight = weights.tensor(DType.F32, 4);
      assertFalse(NORM.plan(device, tensor, null, weight, null, tensor).supported());
      RaptException refused =
          assertThrows(
              RaptException.class, () -> NORM.run(device, tensor, null, weight, null, tensor));
      assertTrue(refused.getMessage().contains("no kernel for norm"), refused.getMessage());
    }
  }

  private static void rejected(String operand, String words, Runnable call) {
    String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(operand) && message.contains(words), message);
  }

  private static float[] random(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
