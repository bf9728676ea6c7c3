// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.reference.linear;

import dev.rapt.InputQuantization;
import dev.rapt.QuantizedMatrix;
import dev.rapt.Tensor;
import dev.rapt.internal.call.OperandView;
import dev.rapt.internal.call.PackedWeights;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** y = x Wᵀ + b, with W (out, in) copied from the caller's tensor. */
public final class ReferenceWeights implements PackedWeights {
  private final double[][] weight;
  private final double[] bias;
  private final int inFeatures;
  private final InputQuantization input;

  /** Copies a weight (out, in) and an optional bias (out). */
  public ReferenceWeights(Tensor weight, @Nullable Tensor bias) {
    int outFeatures = (int) weight.size(0);
    inFeatures = (int) weight.size(1);
    input = InputQuantization.NONE;
    this.weight = new double[outFeatures][inFeatures];
    this.bias = new double[outFeatures];
    OperandView weights = OperandView.of(weight);
    OperandView biases = bias == null ? null : OperandView.of(bias);
    for (int o = 0; o < outFeatures; o++) {
      for (int i = 0; i < inFeatures; i++) {
        this.weight[o][i] = weights.get(o, i, 0, 0);
      }
      this.bias[o] = biases == null ? 0 : biases.get(o, 0, 0, 0);
    }
  }

  /** Copies the numbers that quantised weights (out, in) stand for, and an optional bias (out). */
  public ReferenceWeights(QuantizedMatrix weight, @Nullable Tensor bias, InputQuantization input) {
    this.input = input;
    inFeatures = (int) weight.columns();
    this.weight = new double[(int) weight.rows()][inFeatures];
    this.bias = new double[this.weight.length];
    QuantizedElements elements = QuantizedElements.of(weight);
    OperandView biases = bias == null ? null : OperandView.of(bias);
    for (int o = 0; o < this.weight.length; o++) {
      for (int i = 0; i < inFeatures; i++) {
        this.weight[o][i] = elements.get(o, i);
      }
      this.bias[o] = biases == null ? 0 : biases.get(o, 0, 0, 0);
    }
  }

  @Override
  public long inFeatures() {
    return inFeatures;
  }

  @Override
  public long outFeatures() {
    return weight.length;
  }

  @Override
  public MemorySegment handle() {
    return MemorySegment.NULL;
  }

  /** (in) to (out). */
  public double[] apply(double[] features) {
    double[] input = this.input == InputQuantization.NONE ? features : InputBlocks.round(features);
    double[] output = new double[weight.length];
    for (int o = 0; o < output.length; o++) {
      double sum = 0;
      for (int i = 0; i < inFeatures; i++) {
        sum += input[i] * weight[o][i];
      }
      output[o] = sum + bias[o];
    }
    return output;
  }

  /** (in) of row (b, row) of an input (B, rows, in) to (out). */
  public double[] apply(OperandView input, long b, long row) {
    double[] features = new double[inFeatures];
    for (int d = 0; d < inFeatures; d++) {
      features[d] = input.get(b, row, d, 0);
    }
    return apply(features);
  }

  @Override
  public void close() {
    // On the Java heap.
  }
}
