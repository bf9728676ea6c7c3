// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.MultiHeadAttention;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;

/** Multi-head attention with its projections by Rapt, on the CPU or on its pure Java reference. */
final class RaptLayer implements Contender {
  private final Device device;
  private final MultiHeadAttention layer;
  private final Tensor input;
  private final Tensor output;

  private RaptLayer(Device device, Arena arena, Operands operands) {
    this.device = device;
    input = operands.query;
    output = Tensor.allocate(arena, operands.dtype, input.shape());
    layer =
        MultiHeadAttention.builder(device)
            .heads(operands.shape.heads())
            .inProjection(operands.inWeight, operands.inBias)
            .output(operands.outWeight, operands.outBias)
            .attention(RaptAttention.describe(operands.shape).build())
            .build();
  }

  static RaptLayer cpu(Arena arena, Operands operands, int threads) {
    Device device = Device.cpu(CpuOptions.builder().threads(threads).build());
    return new RaptLayer(device, arena, operands);
  }

  /** One thread, double precision. */
  static RaptLayer java(Arena arena, Operands operands) {
    return new RaptLayer(Device.java(), arena, operands);
  }

  @Override
  public String detail() {
    return layer.plan(layer.device(), input, input, input, output).name();
  }

  @Override
  public void run(int copy) {
    layer.run(layer.device(), input, input, input, output);
  }

  @Override
  public Tensor output() {
    return output;
  }

  @Override
  public void close() {
    layer.close();
    device.close();
  }
}
