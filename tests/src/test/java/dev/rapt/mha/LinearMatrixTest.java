// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.Tensor;
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
    Random random = new Random(c.toString().hashCode());
    float[] input =
        Values.round(Values.normal(random, c.batch() * c.rows() * c.in(), 1), c.input());
    float[] weight =
        Values.round(Values.normal(random, c.out() * c.in(), 1 / Math.sqrt(c.in())), c.stored());
    float[] bias = c.bias() ? Values.round(Values.normal(random, c.out(), 1), c.stored()) : null;
    Projection projection = new Projection(c.in(), c.out(), weight, bias);
    double[] exact = MhaOracle.linear(Values.widen(input), projection, false);
    double[] rounded =
        Values.rounded(MhaOracle.linear(Values.widen(input), projection, true), c.output());
    try (Arena arena = Arena.ofConfined()) {
      Placed x = Placed.input(arena, c.input(), c.layout(), input, c.batch(), c.rows(), c.in());
      Placed w = Placed.input(arena, c.stored(), c.layout(), weight, c.out(), c.in());
      Tensor b =
          bias == null ? null : Placed.input(arena, c.stored(), c.layout(), bias, c.out()).tensor();
      for (Tier tier : Tier.usable()) {
        Placed y = Placed.output(arena, c.output(), c.layout(), c.batch(), c.rows(), c.out());
        run(tier.device(), w.tensor(), b, x.tensor(), y);
        ErrorBound.check(c + " on " + tier, exact, rounded, y.values());
        y.checkSurroundings(c + " on " + tier);
        if (tier != Tier.JAVA) {
          Placed again = Placed.output(arena, c.output(), c.layout(), c.batch(), c.rows(), c.out());
          run(tier.device(Tier.SEVERAL_THREADS), w.tensor(), b, x.tensor(), again);
          assertArrayEquals(y.values(), again.values(), c + " on " + tier + ", several threads");
        }
      }
      x.checkUnchanged("input");
      w.checkUnchanged("weight");
    }
  }

  private static void run(Device device, Tensor weight, Tensor bias, Tensor input, Placed output) {
    try (Linear linear = Linear.of(device, weight, bias);
        Staging staging = Staging.on(device)) {
      linear.run(staging.put(input), staging.put(output.tensor()));
      staging.fetch();
    }
  }
}
