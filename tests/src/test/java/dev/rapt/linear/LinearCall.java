// SPDX-License-Identifier: Apache-2.0
package dev.rapt.linear;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.Tensor;
import dev.rapt.check.Bounded;
import dev.rapt.check.Cuda;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Placed;
import dev.rapt.check.Staging;
import dev.rapt.check.Values;
import dev.rapt.mha.MhaData.Projection;
import dev.rapt.mha.MhaOracle;
import java.lang.foreign.Arena;
import java.util.Random;

/** A case with its values, and with what the oracle says about them. */
public final class LinearCall implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final LinearCase c;
  private final Bounded expected;
  private final Placed input;
  private final Placed weight;
  private final Tensor bias;

  public LinearCall(LinearCase c) {
    this.c = c;
    Random random = new Random(c.toString().hashCode());
    float[] x = Values.normal(random, c.batch() * c.rows() * c.in(), 1);
    float[] w = Values.normal(random, c.out() * c.in(), 1 / Math.sqrt(c.in()));
    float[] b = c.bias() ? Values.normal(random, c.out(), 1) : null;
    Values.round(x, c.input());
    Values.round(w, c.stored());
    Projection projection =
        new Projection(c.in(), c.out(), w, b == null ? null : Values.round(b, c.stored()));
    expected = MhaOracle.linear(Bounded.exact(Values.widen(x)), projection).stored(c.output());
    input = Placed.input(arena, c.input(), c.layout(), x, c.batch(), c.rows(), c.in());
    weight = Placed.input(arena, c.stored(), c.layout(), w, c.out(), c.in());
    bias = b == null ? null : Placed.input(arena, c.stored(), c.layout(), b, c.out()).tensor();
  }

  /** Runs the case on the CUDA device, twice: the bits must be the same. */
  public static void checkOnCuda(LinearCase c) {
    try (LinearCall call = new LinearCall(c)) {
      float[] once = call.check(Cuda.device(), c + " on CUDA");
      assertArrayEquals(once, call.check(Cuda.device(), c + " on CUDA"), c + " on CUDA, once more");
    }
  }

  /** Runs the case and checks everything it wrote. */
  public float[] check(Device device, String what) {
    Placed output = Placed.output(arena, c.output(), c.layout(), c.batch(), c.rows(), c.out());
    try (Linear linear = Linear.of(device, weight.tensor(), bias);
        Staging staging = Staging.on(device)) {
      Tensor from = staging.put(input.tensor());
      Tensor to = staging.put(output.tensor());
      Cuda.note(device, linear.plan(device, from, to));
      linear.run(device, from, to);
      staging.fetch();
    }
    ErrorBound.check(what, expected, output.values());
    output.checkSurroundings(what);
    input.checkUnchanged("input");
    weight.checkUnchanged("weight");
    return output.values();
  }

  @Override
  public void close() {
    arena.close();
  }
}
