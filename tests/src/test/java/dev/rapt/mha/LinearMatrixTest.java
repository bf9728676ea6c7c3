// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Layout;
import dev.rapt.check.Placed;
import dev.rapt.check.Staging;
import dev.rapt.check.Tier;
import dev.rapt.check.Values;
import dev.rapt.mha.MhaData.Projection;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The projection on every tier: sizes around every tile, every layout, with and without bias. */
class LinearMatrixTest {
  private static final DType[] NUMBERS = {DType.F16, DType.BF16, DType.F32};
  private static final int[] SIZES = {
    1, 2, 5, 11, 12, 13, 16, 17, 31, 32, 33, 48, 63, 64, 65, 97, 130, 385
  };

  /** Multiplications that an emulated GPU affords. */
  private static final long MOST_EMULATED = 30_000;

  record Case(
      int batch,
      int rows,
      int in,
      int out,
      boolean bias,
      Layout layout,
      DType input,
      DType stored,
      DType output) {
    Case(int batch, int rows, int in, int out, boolean bias, Layout layout) {
      this(batch, rows, in, out, bias, layout, DType.F32, DType.F32, DType.F32);
    }

    Case typed(DType newInput, DType newStored, DType newOutput) {
      return new Case(batch, rows, in, out, bias, layout, newInput, newStored, newOutput);
    }
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (int size : SIZES) {
      cases.add(new Case(1, size, 40, 36, true, Layout.BHSD));
      cases.add(new Case(1, 7, size, 36, true, Layout.BHSD));
      cases.add(new Case(1, 7, 40, size, true, Layout.BHSD));
      cases.add(new Case(2, 1, size, size, false, Layout.BHSD));
    }
    for (Layout layout : Layout.values()) {
      if (layout != Layout.SHARED) {
        cases.add(new Case(3, 21, 19, 34, true, layout));
        cases.add(new Case(1, 21, 34, 19, false, layout));
      }
    }
    cases.add(new Case(1, 3, 4100, 20, true, Layout.BHSD));
    cases.add(new Case(2, 300, 64, 200, true, Layout.BHSD));
    cases.add(new Case(0, 5, 8, 8, true, Layout.BHSD));
    cases.add(new Case(2, 0, 8, 8, true, Layout.BHSD));
    List<Case> typed = new ArrayList<>();
    for (Case c : cases) {
      int turn = typed.size();
      typed.add(c.typed(NUMBERS[turn % 3], NUMBERS[turn / 3 % 3], NUMBERS[(turn + turn / 2) % 3]));
    }
    for (DType dtype : NUMBERS) {
      typed.add(new Case(2, 33, 65, 48, true, Layout.BHSD).typed(dtype, dtype, dtype));
    }
    cases.addAll(typed);
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierAgreesWithTheOracle(Case c) {
    try (Problem p = new Problem(c)) {
      for (Tier tier : Tier.worth(c, false)) {
        float[] one = p.check(tier.device(), c + " on " + tier);
        if (tier != Tier.JAVA) {
          float[] several =
              p.check(tier.device(Tier.SEVERAL_THREADS), c + " on " + tier + ", several threads");
          assertArrayEquals(one, several, c + " on " + tier + ", several threads");
        }
      }
    }
  }

  static Stream<Case> cudaCases() {
    return Cuda.affordable(
        cases(),
        cases().filter(c -> (long) c.batch() * c.rows() * c.in() * c.out() <= MOST_EMULATED));
  }

  /** The products are the same on a matrix unit: it multiplies 16-bit operands exactly. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("cudaCases")
  void cudaAgreesWithTheOracle(Case c) {
    Cuda.require();
    try (Problem p = new Problem(c)) {
      float[] once = p.check(Cuda.device(), c + " on CUDA");
      assertArrayEquals(once, p.check(Cuda.device(), c + " on CUDA"), c + " on CUDA, once more");
    }
  }

  /** A case with its values, and with what the oracle says about them. */
  private static final class Problem implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Case c;
    private final double[] exact;
    private final double[] rounded;
    private final Placed input;
    private final Placed weight;
    private final Tensor bias;

    Problem(Case c) {
      this.c = c;
      Random random = new Random(c.toString().hashCode());
      float[] x = Values.normal(random, c.batch() * c.rows() * c.in(), 1);
      float[] w = Values.normal(random, c.out() * c.in(), 1 / Math.sqrt(c.in()));
      float[] b = c.bias() ? Values.normal(random, c.out(), 1) : null;
      Values.round(x, c.input());
      Values.round(w, c.stored());
      Projection projection =
          new Projection(c.in(), c.out(), w, b == null ? null : Values.round(b, c.stored()));
      exact = MhaOracle.linear(Values.widen(x), projection, false);
      rounded = Values.rounded(MhaOracle.linear(Values.widen(x), projection, true), c.output());
      input = Placed.input(arena, c.input(), c.layout(), x, c.batch(), c.rows(), c.in());
      weight = Placed.input(arena, c.stored(), c.layout(), w, c.out(), c.in());
      bias = b == null ? null : Placed.input(arena, c.stored(), c.layout(), b, c.out()).tensor();
    }

    /** Runs the case and checks everything it wrote. */
    float[] check(Device device, String what) {
      Placed output = Placed.output(arena, c.output(), c.layout(), c.batch(), c.rows(), c.out());
      try (Linear linear = Linear.of(device, weight.tensor(), bias);
          Staging staging = Staging.on(device)) {
        Tensor from = staging.put(input.tensor());
        Tensor to = staging.put(output.tensor());
        Cuda.note(device, linear.plan(from, to));
        linear.run(from, to);
        staging.fetch();
      }
      ErrorBound.check(what, exact, rounded, output.values());
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
}
