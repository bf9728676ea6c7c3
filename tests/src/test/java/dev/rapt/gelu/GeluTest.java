// SPDX-License-Identifier: Apache-2.0
package dev.rapt.gelu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.Gelu;
import dev.rapt.Plan;
import dev.rapt.RaptException;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import dev.rapt.check.Tier;
import java.lang.foreign.Arena;
import java.math.BigDecimal;
import java.math.MathContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** GELU against its definition, with the error function summed as a series in 80 digits. */
class GeluTest {
  private static final MathContext DIGITS = new MathContext(80);

  /** Of the exact value, as gelu.h says. */
  private static final double BOUND = 12 * 0x1p-24;

  @Test
  void isWithinItsBoundOnEveryTier() {
    int count = 513;
    float[] x = new float[count];
    double[] exact = new double[count];
    for (int i = 0; i < count; i++) {
      x[i] = -8 + 0.03125f * i;
      exact[i] = exact(x[i]);
    }
    try (Arena arena = Arena.ofConfined()) {
      Tensor input = Tensor.copyOf(arena, x, 1, 27, 19);
      Tensor output = Tensor.allocate(arena, DType.F32, 1, 27, 19);
      for (Tier tier : Tier.usable()) {
        Gelu.run(tier.device(), input, output);
        float[] y = output.toFloatArray();
        for (int i = 0; i < count; i++) {
          assertEquals(exact[i], y[i], BOUND * Math.abs(exact[i]), tier + " at " + x[i]);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void inPlaceAndWithoutABatchItIsTheSame(DType dtype) {
    try (Arena arena = Arena.ofConfined()) {
      float[] x = {-3, -0.5f, 0, 0.25f, 1, 6, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY};
      Tensor input = Tensor.allocate(arena, dtype, 1, 2, 4);
      Tensor output = Tensor.allocate(arena, dtype, 1, 2, 4);
      for (Tier tier : Tier.usable()) {
        input.copyFrom(x);
        Gelu.run(tier.device(), input, output);
        Gelu.run(tier.device(), input.reshape(2, 4), input.reshape(2, 4));
        assertArrayEquals(output.toFloatArray(), input.toFloatArray(), tier.toString());
        assertEquals(0f, output.get(0, 1, 2), tier.toString());
        assertEquals(Float.POSITIVE_INFINITY, output.get(0, 1, 3), tier.toString());
        input.fill(Float.NaN);
        Gelu.run(tier.device(), input, output);
        assertTrue(Float.isNaN(output.get(0, 0, 0)), tier.toString());
      }
    }
  }

  @Test
  void namesWhatDoesNotFit() {
    try (Arena arena = Arena.ofConfined();
        Device device = Device.java()) {
      Tensor input = Tensor.allocate(arena, DType.F32, 2, 3, 4);
      Tensor other = Tensor.allocate(arena, DType.F32, 2, 3, 5);
      Tensor words = Tensor.allocate(arena, DType.I32, 2, 3, 4);
      Tensor shifted = input.slice(0, 1, 2);
      rejected("output", "features", () -> Gelu.run(device, input, other));
      rejected("input", "type", () -> Gelu.run(device, words, input));
      rejected(
          "output", "overlaps", () -> Gelu.run(device, input.slice(1, 0, 2), input.slice(1, 1, 3)));
      rejected("output", "batch", () -> Gelu.run(device, input, shifted));
      assertThrows(NullPointerException.class, () -> Gelu.run(device, input, null));
      Plan plan = Gelu.plan(device, input, input);
      assertTrue(plan.supported() && plan.name().startsWith("gelu_"), plan.toString());
    }
  }

  @Test
  void aGpuSaysThatItHasNoKernel() {
    Cuda.require();
    try (CudaDevice device = Cuda.open();
        DeviceMemory memory = device.allocate(64)) {
      Tensor tensor = memory.tensor(DType.F32, 4, 4);
      Plan plan = Gelu.plan(device, tensor, tensor);
      assertFalse(plan.supported());
      RaptException refused =
          assertThrows(RaptException.class, () -> Gelu.run(device, tensor, tensor));
      assertTrue(refused.getMessage().contains("no kernel for gelu"), refused.getMessage());
    }
  }

  private static void rejected(String operand, String words, Runnable call) {
    String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(operand) && message.contains(words), message);
  }

  private static double exact(double x) {
    BigDecimal root = BigDecimal.ONE.divide(new BigDecimal(2).sqrt(DIGITS), DIGITS);
    BigDecimal z = new BigDecimal(x).multiply(root, DIGITS);
    BigDecimal half = new BigDecimal(x).divide(BigDecimal.TWO, DIGITS);
    return half.multiply(BigDecimal.ONE.add(erf(z)), DIGITS).doubleValue();
  }

  /** 2 / sqrt(pi) * sum of (-1)^n z^(2n+1) / (n! (2n+1)). */
  private static BigDecimal erf(BigDecimal z) {
    BigDecimal square = z.pow(2, DIGITS);
    BigDecimal term = z;
    BigDecimal sum = term;
    for (int n = 1; n < 250; n++) {
      term = term.multiply(square, DIGITS).divide(BigDecimal.valueOf(-n), DIGITS);
      sum = sum.add(term.divide(BigDecimal.valueOf(2L * n + 1), DIGITS), DIGITS);
    }
    BigDecimal pi = new BigDecimal("3.14159265358979323846264338327950288419716939937510582097494");
    return sum.multiply(BigDecimal.TWO, DIGITS).divide(pi.sqrt(DIGITS), DIGITS);
  }
}
