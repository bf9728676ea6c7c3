// SPDX-License-Identifier: Apache-2.0
package dev.rapt.linear;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.DType;
import dev.rapt.check.Cuda;
import dev.rapt.check.Layout;
import dev.rapt.check.Tier;
import java.util.ArrayList;
import java.util.List;
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

  static Stream<LinearCase> cases() {
    List<LinearCase> cases = new ArrayList<>();
    for (int size : SIZES) {
      cases.add(new LinearCase(1, size, 40, 36, true, Layout.BHSD));
      cases.add(new LinearCase(1, 7, size, 36, true, Layout.BHSD));
      cases.add(new LinearCase(1, 7, 40, size, true, Layout.BHSD));
      cases.add(new LinearCase(2, 1, size, size, false, Layout.BHSD));
    }
    for (Layout layout : Layout.values()) {
      if (layout != Layout.SHARED) {
        cases.add(new LinearCase(3, 21, 19, 34, true, layout));
        cases.add(new LinearCase(1, 21, 34, 19, false, layout));
      }
    }
    cases.add(new LinearCase(1, 3, 4100, 20, true, Layout.BHSD));
    cases.add(new LinearCase(2, 300, 64, 200, true, Layout.BHSD));
    cases.add(new LinearCase(0, 5, 8, 8, true, Layout.BHSD));
    cases.add(new LinearCase(2, 0, 8, 8, true, Layout.BHSD));
    List<LinearCase> typed = new ArrayList<>();
    for (LinearCase c : cases) {
      int turn = typed.size();
      typed.add(c.typed(NUMBERS[turn % 3], NUMBERS[turn / 3 % 3], NUMBERS[(turn + turn / 2) % 3]));
    }
    for (DType dtype : NUMBERS) {
      typed.add(new LinearCase(2, 33, 65, 48, true, Layout.BHSD).typed(dtype, dtype, dtype));
    }
    cases.addAll(typed);
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierAgreesWithTheOracle(LinearCase c) {
    try (LinearCall p = new LinearCall(c)) {
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

  static Stream<LinearCase> cudaCases() {
    return Cuda.affordable(
        cases(),
        cases().filter(c -> (long) c.batch() * c.rows() * c.in() * c.out() <= MOST_EMULATED));
  }

  /** The products are the same on a matrix unit: it multiplies 16-bit operands exactly. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("cudaCases")
  void cudaAgreesWithTheOracle(LinearCase c) {
    Cuda.require();
    LinearCall.checkOnCuda(c);
  }
}
