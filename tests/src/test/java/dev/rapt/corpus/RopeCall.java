// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.Device;
import dev.rapt.RotaryEmbedding;
import dev.rapt.Tensor;

/** Rotary embedding, by a table and positions or by a row for each token. */
final class RopeCall implements ProblemCall {
  private final RotaryEmbedding rope;
  private final RotaryEmbedding.Tables tables;
  private final Tensor input;
  private final Tensor positions;
  private final Tensor output;

  RopeCall(Problem p) {
    rope =
        RotaryEmbedding.builder()
            .interleaved(p.is("interleaved"))
            .rotaryDim(p.integer("rotary_dim"))
            .build();
    int rank = p.is("table") ? 2 : 3;
    tables = new RotaryEmbedding.Tables(p.last("cosine", rank), p.last("sine", rank));
    input = p.last("input", 4);
    positions = p.last("positions", 2);
    output = p.last("output", 4);
  }

  @Override
  public void run(Device device) {
    rope.run(device, input, tables, positions, output);
  }
}
