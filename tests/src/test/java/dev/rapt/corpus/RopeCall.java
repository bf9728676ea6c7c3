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
    tables = new RotaryEmbedding.Tables(angles(p, "cosine"), angles(p, "sine"));
    input = p.batched("input", 4);
    positions = p.batched("positions", 2);
    output = p.batched("output", 4);
  }

  private static Tensor angles(Problem p, String name) {
    return p.is("table") ? p.last(name, 2) : p.batched(name, 3);
  }

  @Override
  public void run(Device device) {
    rope.run(device, input, tables, positions, output);
  }
}
