// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Outputs that share memory with another tensor, and parts of one buffer that do not. */
class OverlapTest {
  private static final int B = 2;
  private static final int H = 3;
  private static final int S = 5;
  private static final int D = 4;

  private final Arena arena = Arena.ofConfined();
  private final Attention attention = Attention.builder().build();

  @AfterEach
  void close() {
    arena.close();
  }

  private static Device device(String name) {
    return name.equals("cpu") ? Device.cpu() : Device.java();
  }

  /** Query, key, value and output of every token side by side: (B, S, 4, H, D) as (B, H, S, D). */
  @ParameterizedTest
  @ValueSource(strings = {"java", "cpu"})
  void allowsPartsOfOnePackedBuffer(String name) {
    Tensor packed = Tensor.allocate(arena, DType.F32, B, S, 4, H, D);
    float[] data = new float[(int) packed.elements()];
    Random random = new Random(1);
    for (int i = 0; i < data.length; i++) {
      data[i] = random.nextFloat() - 0.5f;
    }
    packed.copyFrom(data);
    Tensor[] parts = new Tensor[4];
    for (int part = 0; part < 4; part++) {
      parts[part] = packed.select(2, part).permute(0, 2, 1, 3);
    }
    try (Device device = device(name)) {
      float[] expected =
          attention.run(
              device,
              parts[0].toFloatArray(),
              parts[0].shape(),
              parts[1].toFloatArray(),
              parts[1].shape(),
              parts[2].toFloatArray(),
              parts[2].shape());
      attention.run(device, parts[0], parts[1], parts[2], parts[3]);
      assertArrayEquals(expected, parts[3].toFloatArray());
      IllegalArgumentException same =
          assertThrows(
              IllegalArgumentException.class,
              () -> attention.run(device, parts[0], parts[1], parts[2], parts[1]));
      assertTrue(same.getMessage().contains("overlaps key"), same.getMessage());
    }
  }

  @Test
  void findsOutputsThatOverlapByOneElement() {
    Tensor q = Tensor.allocate(arena, DType.F32, 1, 1, S, D);
    Tensor buffer = Tensor.allocate(arena, DType.F32, 3 * S * D);
    Tensor k = Tensor.of(buffer.segment(), DType.F32, 1, 1, S, D);
    long[] shape = {1, 1, S, D};
    long[] strides = {S * D, S * D, D, 1};
    try (Device device = Device.java()) {
      Tensor apart = Tensor.of(buffer.segment(), S * D, DType.F32, shape, strides);
      attention.run(device, q, k, k, apart);
      Tensor close = Tensor.of(buffer.segment(), S * D - 1, DType.F32, shape, strides);
      assertThrows(IllegalArgumentException.class, () -> attention.run(device, q, k, k, close));
      // Every second row of a buffer: rows of the other half are free, a shift by one column is
      // not.
      long[] apartRows = {S * 2 * D, S * 2 * D, 2 * D, 1};
      Tensor even = Tensor.of(buffer.segment(), 0, DType.F32, shape, apartRows);
      Tensor odd = Tensor.of(buffer.segment(), D, DType.F32, shape, apartRows);
      Tensor shifted = Tensor.of(buffer.segment(), D - 1, DType.F32, shape, apartRows);
      attention.run(device, q, even, even, odd);
      assertThrows(
          IllegalArgumentException.class, () -> attention.run(device, q, even, even, shifted));
    }
  }

  /** Before the first token: the cache is empty, wherever its slice begins. */
  @ParameterizedTest
  @ValueSource(strings = {"java", "cpu"})
  void anEmptyTensorOverlapsNothing(String name) {
    Tensor q = Tensor.allocate(arena, DType.F32, 1, 1, S, D);
    Tensor out = Tensor.allocate(arena, DType.F32, 1, 1, S, D);
    Tensor none = out.slice(2, 1, 1);
    try (Device device = device(name)) {
      out.set(1, 0, 0, 0, 0);
      attention.run(device, q, none, none, out);
      assertArrayEquals(new float[S * D], out.toFloatArray());
    }
  }

  @Test
  void comparesOutputsWithEachOther() {
    Tensor q = Tensor.allocate(arena, DType.F32, 1, 1, S, D);
    Tensor out = Tensor.allocate(arena, DType.F32, 1, 1, S, D);
    Tensor lse = out.select(3, 0);
    try (Device device = Device.java()) {
      IllegalArgumentException rejected =
          assertThrows(
              IllegalArgumentException.class,
              () -> attention.run(device, AttentionTensors.builder(q, q, q, out).lse(lse).build()));
      assertTrue(rejected.getMessage().contains("lse"), rejected.getMessage());
    }
  }
}
