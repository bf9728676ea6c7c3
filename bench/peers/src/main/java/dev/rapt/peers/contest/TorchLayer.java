// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.DType;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** A layer with its projections in libtorch: linear, scaled_dot_product_attention, linear. */
final class TorchLayer implements Contender {
  private final Shape shape;
  private final DType dtype;
  private final Tensor input;
  private final Tensor inWeight;
  private final Tensor inBias;
  private final Tensor outWeight;
  private final Tensor outBias;
  private Tensor result;

  TorchLayer(Operands operands) {
    shape = operands.shape;
    dtype = operands.dtype;
    input = TorchTensors.of(operands.query);
    inWeight = TorchTensors.of(operands.inWeight);
    inBias = TorchTensors.of(operands.inBias);
    outWeight = TorchTensors.of(operands.outWeight);
    outBias = TorchTensors.of(operands.outBias);
  }

  @Override
  public String detail() {
    return "linear, scaled_dot_product_attention, linear";
  }

  @Override
  public void run(int copy) {
    try (PointerScope _ = new PointerScope()) {
      Tensor projected =
          torch
              .linear(input, inWeight, new TensorOptional(inBias))
              .view(shape.batch(), shape.queryLen(), 3, shape.heads(), shape.headDim())
              .permute(2, 0, 3, 1, 4);
      Tensor attended =
          torch.scaled_dot_product_attention(
              projected.select(0, 0),
              projected.select(0, 1),
              projected.select(0, 2),
              new TensorOptional(),
              0.0,
              shape.causal(),
              new DoubleOptional(),
              false);
      Tensor joined =
          attended.transpose(1, 2).reshape(shape.batch(), shape.queryLen(), shape.width());
      keep(torch.linear(joined, outWeight, new TensorOptional(outBias)));
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
    return TorchTensors.view(result, dtype, shape.batch(), shape.queryLen(), shape.width());
  }

  @Override
  public void close() {
    if (result != null) {
      result.close();
    }
    for (Tensor tensor : new Tensor[] {input, inWeight, inBias, outWeight, outBias}) {
      tensor.close();
    }
  }
}
