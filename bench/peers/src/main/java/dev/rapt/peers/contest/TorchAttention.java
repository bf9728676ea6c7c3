// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** libtorch's scaled_dot_product_attention. */
final class TorchAttention implements Contender {
  /** A call that would take longer is not waited for. */
  private static final double MAX_SECONDS = 3;

  /** The share of the queries that tells how long all of them would take. */
  private static final int PROBE_PARTS = 64;

  private final Shape shape;
  private final DType dtype;
  private final Tensor query;
  private final List<Tensor> keys;
  private final List<Tensor> values;

  /** (Sq, Skv), 0 where a query attends and -inf elsewhere; null without a window. */
  private final Tensor mask;

  private Tensor result;

  TorchAttention(Arena arena, Operands operands) {
    shape = operands.shape;
    dtype = operands.dtype;
    if (shape.causal() && shape.queryLen() != shape.kvLen()) {
      throw new UnsupportedOperationException("is_causal starts at key 0, not at the last keys");
    }
    query = TorchTensors.of(operands.query);
    keys = operands.keys.stream().map(TorchTensors::of).toList();
    values = operands.values.stream().map(TorchTensors::of).toList();
    refuseLongWait();
    mask = shape.window() == 0 ? null : TorchTensors.of(windowMask(arena));
  }

  /** Without matrix instructions for them, 16-bit types take it a hundred times as long as f32. */
  private void refuseLongWait() {
    if (shape.queryLen() < PROBE_PARTS) {
      return;
    }
    long rows = shape.queryLen() / PROBE_PARTS;
    try (PointerScope _ = new PointerScope()) {
      Tensor some = query.narrow(2, 0, rows);
      attend(query.narrow(2, 0, 1), 0, false); // the first call of a process also loads and sets up
      long begin = System.nanoTime();
      attend(some, 0, false);
      double seconds = (System.nanoTime() - begin) / 1e9 * shape.queryLen() / rows;
      seconds = shape.causal() ? seconds / 2 : seconds;
      if (seconds > MAX_SECONDS) {
        throw new UnsupportedOperationException(
            "a call would take about " + Math.round(seconds) + " s");
      }
    }
  }

  private Tensor attend(Tensor queries, int copy, boolean masked) {
    return torch.scaled_dot_product_attention(
        queries,
        keys.get(copy),
        values.get(copy),
        masked && mask != null ? new TensorOptional(mask) : new TensorOptional(),
        0.0,
        masked && mask == null && shape.causal(),
        new DoubleOptional(),
        shape.heads() != shape.kvHeads());
  }

  @Override
  public String detail() {
    String text = "scaled_dot_product_attention";
    return mask == null ? text : text + " with an additive mask, for want of a window";
  }

  @Override
  public void run(int copy) {
    try (PointerScope _ = new PointerScope()) {
      keep(attend(query, copy, true));
    }
  }

  private void keep(Tensor output) {
    if (result != null) {
      result.close();
    }
    result = output.retainReference();
  }

  @Override
  public dev.rapt.Tensor output() {
    keep(result.contiguous());
    return TorchTensors.view(result, dtype, shape.queryShape());
  }

  @Override
  public void close() {
    if (result != null) {
      result.close();
    }
    query.close();
    keys.forEach(Tensor::close);
    values.forEach(Tensor::close);
    if (mask != null) {
      mask.close();
    }
  }

  /** In f32, or else in the operands' type, which is what libtorch takes. */
  private dev.rapt.Tensor windowMask(Arena arena) {
    int rows = shape.queryLen();
    int columns = shape.kvLen();
    dev.rapt.Tensor tensor = dev.rapt.Tensor.allocate(arena, dtype, rows, columns);
    MemorySegment memory = tensor.segment();
    dev.rapt.Tensor hidden = dev.rapt.Tensor.allocate(arena, dtype, columns);
    for (int column = 0; column < columns; column++) {
      hidden.set(Float.NEGATIVE_INFINITY, column);
    }
    long element = dtype.bytes();
    for (int row = 0; row < rows; row++) {
      long begin = row * columns * element;
      MemorySegment.copy(hidden.segment(), 0, memory, begin, columns * element);
      long last = Math.min(columns - 1L, row + (long) shape.offset());
      long first = Math.max(0, last - shape.window() + 1);
      memory.asSlice(begin + first * element, (last - first + 1) * element).fill((byte) 0);
    }
    return tensor;
  }
}
