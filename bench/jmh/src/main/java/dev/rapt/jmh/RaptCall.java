// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.CpuOptions;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Tensor;

/** Attention by Rapt on its operands, on the best CPU tier or on the pure Java reference. */
final class RaptCall implements AutoCloseable {
  private final Device device;
  private final Attention attention;
  private final Tensor query;
  private final Tensor key;
  private final Tensor value;
  private final Tensor output;

  private RaptCall(Device device, Shape shape, Operands operands) {
    this.device = device;
    attention =
        Attention.builder().causal(shape.causal ? Causal.BOTTOM_RIGHT : Causal.NONE).build();
    query = Tensor.of(operands.query, DType.F32, shape.queryShape());
    key = Tensor.of(operands.key, DType.F32, shape.keyShape());
    value = Tensor.of(operands.value, DType.F32, shape.keyShape());
    output = Tensor.of(operands.output, DType.F32, shape.queryShape());
  }

  static RaptCall cpu(Shape shape, Operands operands, int threads) {
    Device device = Device.cpu(CpuOptions.builder().threads(threads).build());
    return new RaptCall(device, shape, operands);
  }

  static RaptCall java(Shape shape, Operands operands) {
    return new RaptCall(Device.java(), shape, operands);
  }

  /** On a device that others use too, and that stays the caller's to close. */
  static RaptCall on(Device device, Shape shape, Operands operands) {
    return new RaptCall(device, shape, operands);
  }

  /** One call, synchronous. */
  void run() {
    attention.run(device, query, key, value, output);
  }

  @Override
  public void close() {
    device.close();
  }
}
