// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.rapt.CudaDevice;
import dev.rapt.CudaEvent;
import dev.rapt.CudaOptions;
import dev.rapt.CudaStream;
import dev.rapt.Device;
import dev.rapt.DeviceMemory;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.check.Cuda;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the device reports arrives as an exception with its code. */
class CudaErrorsTest {
  private static final int LAUNCH_FAILURE = 719;
  private static final String CACHE = "XDG_CACHE_HOME";

  @AfterEach
  void repair() {
    Cuda.environment("RAPT_EMULATED_FAULT", "");
    Cuda.environment("RAPT_EMULATED_SERIAL", "");
    Cuda.environment("RAPT_EMULATED_BREAK", "");
    Cuda.environment(CACHE, Objects.requireNonNullElse(System.getenv(CACHE), ""));
  }

  @Test
  void aDeviceThatIsNotThere() {
    try (CudaDevice first = Cuda.open()) {
      assertEquals("cuda:0", first.name());
      RaptException missing = assertThrows(RaptException.class, () -> Device.cuda(99));
      assertEquals(RaptStatus.DEVICE_UNAVAILABLE, missing.status());
      assertTrue(missing.getMessage().contains("ordinal is 99"), missing.getMessage());
    }
    assertThrows(IllegalArgumentException.class, () -> Device.cuda(-1));
  }

  @Test
  void describesItself() {
    try (CudaDevice device = Cuda.open()) {
      assertTrue(
          device.description().matches("CUDA 0, .+, compute capability \\d+\\.\\d, driver .+"));
      assertEquals(device.description(), device.toString());
      assertTrue(device.isa().isEmpty());
      assertEquals(0, device.ordinal());
    }
  }

  @Test
  void findsTheFirstUsableGpuOrSaysWhyThereIsNone(@TempDir Path cache) {
    Cuda.use();
    // What an earlier run of this test found must not be remembered.
    Cuda.environment(CACHE, cache.toString());
    CudaDevice.Found found = CudaDevice.find();
    assertEquals("", found.reason());
    try (CudaDevice device = found.device().orElseThrow()) {
      assertEquals("cuda:0", device.name());
      assertTrue(device.selfCheck().matches("(\\d+) of \\1 passed, .+"), device.selfCheck());
    }
    assumeTrue(Cuda.isEmulated(), "a real GPU cannot be broken");
    Cuda.environment("RAPT_EMULATED_SERIAL", "77");
    Cuda.environment("RAPT_EMULATED_BREAK", "shuffle");
    CudaDevice.Found none = CudaDevice.find();
    assertTrue(none.device().isEmpty());
    assertTrue(none.reason().contains("is unusable: sdpa_prefill_cuda_simt"), none.reason());
    assertThrows(RaptException.class, Device::cuda);
    Cuda.environment("RAPT_EMULATED_BREAK", "multiply_bf16");
    CudaOptions again = CudaOptions.builder().checkAgain(true).build();
    try (CudaDevice device = Device.cuda(again)) {
      assertTrue(device.selfCheck().contains("\nlinear_bf16_cuda_mma: "), device.selfCheck());
    }
  }

  @Test
  void aThreadWithoutACurrentContext() {
    Cuda.use();
    CudaOptions current = CudaOptions.builder().currentContext(true).build();
    RaptException refused = assertThrows(RaptException.class, () -> Device.cuda(current));
    assertEquals(RaptStatus.INVALID_ARGUMENT, refused.status());
    assertTrue(refused.getMessage().contains("no current CUDA context"), refused.getMessage());
  }

  @Test
  void aFailureOfEnqueuedWorkCarriesItsCode() {
    Cuda.require();
    assumeTrue(Cuda.isEmulated(), "a real GPU cannot be told to fail");
    CudaDevice device = Cuda.open();
    CudaStream stream = device.newStream();
    CudaEvent event = device.newEvent();
    DeviceMemory memory = device.allocate(64);
    stream.record(event);
    Cuda.environment("RAPT_EMULATED_FAULT", "" + LAUNCH_FAILURE);
    for (Runnable wait :
        new Runnable[] {stream::synchronize, event::synchronize, event::hasPassed}) {
      RaptException failed = assertThrows(RaptException.class, wait::run);
      assertEquals(RaptStatus.DEVICE_FAILURE, failed.status());
      assertEquals(LAUNCH_FAILURE, failed.deviceCode(), failed.getMessage());
    }
    RaptException lost = assertThrows(RaptException.class, device::close);
    assertEquals(LAUNCH_FAILURE, lost.deviceCode());
    assertTrue(memory.isClosed() && stream.isClosed() && event.isClosed(), "closed all the same");
    device.close();
  }
}
