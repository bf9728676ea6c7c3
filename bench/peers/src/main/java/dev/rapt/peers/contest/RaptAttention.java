// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.Attention;
import dev.rapt.Causal;
import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;

/** Attention by Rapt, on the best CPU tier or on its pure Java reference. */
final class RaptAttention implements Contender {
  private final Device device;
  private final Attention attention;
  private final Operands operands;
  private final Tensor output;

  private RaptAttention(Device device, Arena arena, Operands operands) {
    this.device = device;
    this.operands = operands;
    attention = describe(operands.shape).build();
    output = Tensor.allocate(arena, operands.dtype, operands.shape.queryShape());
  }

  static RaptAttention cpu(Arena arena, Operands operands, int threads) {
    Device device = Device.cpu(CpuOptions.builder().threads(threads).build());
    return new RaptAttention(device, arena, operands);
  }

  /** One thread, double precision. */
  static RaptAttention java(Arena arena, Operands operands) {
    return new RaptAttention(Device.java(), arena, operands);
  }

  /** The masks of a shape. */
  static Attention.Builder describe(Shape shape) {
    Attention.Builder builder =
        Attention.builder().causal(shape.causal() ? Causal.BOTTOM_RIGHT : Causal.NONE);
    return shape.window() > 0 ? builder.window(shape.window() - 1, 0) : builder;
  }

  @Override
  public String detail() {
    return attention
        .plan(device, operands.query, operands.keys.getFirst(), operands.values.getFirst(), output)
        .name();
  }

  @Override
  public void run(int copy) {
    attention.run(
        device, operands.query, operands.keys.get(copy), operands.values.get(copy), output);
  }

  @Override
  public Tensor output() {
    return output;
  }

  @Override
  public void close() {
    device.close();
  }
}
