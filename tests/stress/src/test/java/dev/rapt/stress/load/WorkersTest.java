// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 600, unit = TimeUnit.SECONDS)
class WorkersTest {
  private static final String NAME = "opener-";

  @Test
  void threadsOfADeviceAreSeen() throws InterruptedException {
    AtomicReference<Device> device = new AtomicReference<>();
    Thread opener =
        Thread.ofPlatform()
            .name(NAME + 1)
            .start(() -> device.set(Device.cpu(CpuOptions.builder().threads(4).build())));
    opener.join();
    while (Workers.count(NAME) > 3) {
      Thread.sleep(1); // the opener itself may be seen for a moment
    }
    assertEquals(3, Workers.count(NAME));
    device.get().close();
    assertEquals(0, Workers.left(NAME));
  }
}
