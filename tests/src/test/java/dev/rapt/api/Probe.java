// SPDX-License-Identifier: Apache-2.0
package dev.rapt.api;

import dev.rapt.Attention;
import dev.rapt.Capabilities;
import dev.rapt.Device;
import dev.rapt.RaptException;
import java.util.Arrays;

/** What a fresh JVM runs: prints the best device, and that it attends. */
public final class Probe {
  private Probe() {}

  /** Takes no arguments. */
  public static void main(String[] args) {
    Capabilities capabilities = Capabilities.probe();
    System.out.println("native: " + capabilities.nativeAvailable());
    System.out.println("source: " + capabilities.nativeSource());
    System.out.println("reason: " + capabilities.nativeReason());
    try (Device device = Device.best()) {
      System.out.println("device: " + device.description());
      float[] one = {1, 2};
      long[] shape = {1, 1, 1, 2};
      float[] out = Attention.builder().build().run(device, one, shape, one, shape, one, shape);
      System.out.println("output: " + Arrays.toString(out));
    } catch (RaptException refused) {
      System.out.println("refused: " + refused.status() + ": " + refused.getMessage());
    }
  }
}
