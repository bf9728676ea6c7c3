// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** How a device says that it reads keys and values. */
class ReadingTest {
  @Test
  void aCpuNamesBothWaysAndKeepsToThem() {
    try (Device one = Device.cpu(CpuOptions.builder().threads(1).build());
        Device other = Device.cpu(CpuOptions.builder().threads(2).build())) {
      String ways = one.reading().orElseThrow();
      assertTrue(ways.matches("keys by (prefetch|streams), values by (prefetch|streams)"), ways);
      assertEquals(Optional.of(ways), other.reading());
    }
  }

  @Test
  void aClosedDeviceSaysSo() {
    Device device = Device.cpu(CpuOptions.builder().threads(1).build());
    device.close();
    assertEquals(
        "device is closed",
        assertThrows(IllegalStateException.class, device::reading).getMessage());
  }

  @Test
  void noOtherDeviceHasAny() {
    try (Device java = Device.java()) {
      assertEquals(Optional.empty(), java.reading());
    }
  }
}
