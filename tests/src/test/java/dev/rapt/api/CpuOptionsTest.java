// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Attention;
import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.Isa;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** How a CPU device is opened, and that it is opened like that. */
class CpuOptionsTest {
  @Test
  void defaultsLeaveTheChoiceToTheLibrary() {
    CpuOptions options = CpuOptions.builder().build();
    assertEquals(0, options.threads());
    assertNull(options.isa());
    assertFalse(options.pinWorkers());
  }

  @Test
  void eachOptionIsKept() {
    CpuOptions.Builder builder = CpuOptions.builder().threads(3).isa(Isa.PORTABLE).pinWorkers(true);
    CpuOptions options = builder.build();
    builder.threads(1).isa(null).pinWorkers(false);
    assertEquals(3, options.threads());
    assertEquals(Isa.PORTABLE, options.isa());
    assertTrue(options.pinWorkers());
  }

  /** Which CPU a worker runs on changes nothing that it computes. */
  @Test
  void aDeviceIsOpenedAsTheySay() {
    long[] shape = {1, 4, 64, 16};
    float[] values = new float[4 * 64 * 16];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(i);
    }
    Attention attention = Attention.builder().build();
    float[] expected = null;
    for (boolean pinned : new boolean[] {false, true}) {
      CpuOptions options =
          CpuOptions.builder().threads(2).isa(Isa.PORTABLE).pinWorkers(pinned).build();
      try (Device device = Device.cpu(options)) {
        assertEquals(2, device.threads());
        assertEquals(Optional.of(Isa.PORTABLE), device.isa());
        float[] output = attention.run(device, values, shape, values, shape, values, shape);
        expected = expected == null ? output : expected;
        assertArrayEquals(expected, output);
      }
    }
  }
}
