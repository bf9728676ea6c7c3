// SPDX-License-Identifier: Apache-2.0
package dev.rapt.linear;

import dev.rapt.DType;
import dev.rapt.check.Layout;

/** One projection of (batch, rows, in) to (batch, rows, out), with the types of its tensors. */
public record LinearCase(
    int batch, int rows, int in, int out, boolean bias, Layout layout, Types types) {

  /** Element types of input, of weight and bias, and of the output. */
  public record Types(DType input, DType stored, DType output) {}

  public LinearCase(int batch, int rows, int in, int out, boolean bias, Layout layout) {
    this(batch, rows, in, out, bias, layout, new Types(DType.F32, DType.F32, DType.F32));
  }

  public LinearCase typed(DType newInput, DType newStored, DType newOutput) {
    Types newTypes = new Types(newInput, newStored, newOutput);
    return new LinearCase(batch, rows, in, out, bias, layout, newTypes);
  }

  DType input() {
    return types.input;
  }

  DType stored() {
    return types.stored;
  }

  DType output() {
    return types.output;
  }
}
