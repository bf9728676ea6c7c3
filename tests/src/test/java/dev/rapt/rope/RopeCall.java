// SPDX-License-Identifier: Apache-2.0
package dev.rapt.rope;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.RotaryEmbedding;
import dev.rapt.RotaryEmbedding.Tables;
import dev.rapt.Tensor;
import dev.rapt.check.Bounded;
import dev.rapt.check.Cuda;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Placed;
import dev.rapt.check.Staging;
import dev.rapt.check.Values;
import java.lang.foreign.Arena;

/** A case as tensors in poisoned buffers, to be run on any number of devices. */
public final class RopeCall implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final RopeCase c;
  private final RopeData data;
  private final Bounded expected;
  private final Placed input;
  private final Placed cosine;
  private final Placed sine;
  private final Placed positions;
  private final Placed output;

  RopeCall(RopeCase c) {
    this.c = c;
    data = RopeData.of(c);
    expected = data.expected().stored(c.output());
    int[] shape = {c.batch(), c.heads(), c.length(), c.headDim()};
    input = Placed.input(arena, c.input(), c.layout(), data.input(), shape);
    output = c.inPlace() ? input : Placed.output(arena, c.output(), c.layout(), shape);
    cosine = table(c.cosine(), data.cosine());
    sine = table(c.sine(), data.sine());
    positions =
        data.positions() == null
            ? null
            : Placed.input(arena, DType.I64, c.tableLayout(), data.positions(), tokens());
  }

  private int[] tokens() {
    return c.angles().shared() ? new int[] {c.length()} : new int[] {c.batch(), c.length()};
  }

  private Placed table(DType dtype, float[] values) {
    int[] shape;
    if (c.angles().positions()) {
      shape = new int[] {RopeCase.TABLE_LENGTH, c.pairs()};
    } else if (c.angles().shared()) {
      shape = new int[] {c.length(), c.pairs()};
    } else {
      shape = new int[] {c.batch(), c.length(), c.pairs()};
    }
    return Placed.input(arena, dtype, c.tableLayout(), values, shape);
  }

  /** Runs the case on the CUDA device, twice: the bits must be the same. */
  public static void checkOnCuda(RopeCase c) {
    try (RopeCall call = new RopeCall(c)) {
      float[] once = call.check(Cuda.device(), c + " on CUDA");
      assertArrayEquals(once, call.check(Cuda.device(), c + " on CUDA"), c + " on CUDA, once more");
    }
  }

  /** Runs the case and checks everything it wrote. */
  float[] check(Device device, String what) {
    output.reset();
    RotaryEmbedding embedding =
        RotaryEmbedding.builder().interleaved(c.interleaved()).rotaryDim(c.rotaryDim()).build();
    try (Staging staging = Staging.on(device)) {
      Tensor rows = positions == null ? null : positions.tensor();
      Tensor from = staging.put(input.tensor());
      Tensor cos = staging.put(cosine.tensor());
      Tensor sin = staging.put(sine.tensor());
      Tensor where = staging.put(rows);
      Tensor to = staging.put(output.tensor());
      Cuda.note(device, embedding.plan(device, from, new Tables(cos, sin), where, to));
      embedding.run(device, from, new Tables(cos, sin), where, to);
      staging.fetch();
    }
    float[] actual = output.values();
    ErrorBound.check(what, expected, actual);
    checkCopied(what, actual);
    output.checkSurroundings(what);
    if (!c.inPlace()) {
      input.checkUnchanged("input");
    }
    cosine.checkUnchanged("cosine");
    sine.checkUnchanged("sine");
    if (positions != null) {
      positions.checkUnchanged("positions");
    }
    return actual;
  }

  /** Elements that do not turn are not computed with: stored in the output's type and no more. */
  private void checkCopied(String what, float[] actual) {
    for (int i = 0; i < actual.length; i++) {
      if (i % c.headDim() >= 2 * c.pairs()) {
        assertEquals((float) Values.round(data.input()[i], c.output()), actual[i], what + " " + i);
      }
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
