// SPDX-License-Identifier: Apache-2.0
package dev.rapt.rope;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.DType;
import dev.rapt.check.Cuda;
import dev.rapt.check.Judge;
import dev.rapt.check.Layout;
import dev.rapt.check.Tier;
import dev.rapt.rope.RopeCase.Angles;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rotary embedding on every tier and on CUDA: every pairing, width, layout and storage type. */
class RopeMatrixTest {
  private static final DType[] NUMBERS = {DType.F32, DType.F16, DType.BF16};
  private static final Layout[] LAYOUTS = {
    Layout.BHSD,
    Layout.BSHD,
    Layout.TRANSPOSED,
    Layout.PADDED,
    Layout.REVERSED,
    Layout.FLIPPED,
    Layout.MIRRORED,
    Layout.STEPPED
  };

  /** Whole rows: register edges of halves and of pairs, and the sizes of real models. */
  private static final int[] HEAD_DIMS = {
    2, 4, 6, 8, 14, 16, 18, 30, 32, 34, 48, 62, 64, 66, 80, 96, 126, 128, 192, 256, 258, 1024
  };

  /** Head dimension and the part of it that turns. */
  private static final int[][] PARTIAL = {
    {3, 2},
    {5, 4},
    {8, 2},
    {17, 16},
    {33, 32},
    {64, 32},
    {80, 32},
    {64, 62},
    {100, 64},
    {128, 34},
    {257, 256},
    {1024, 2},
    {1023, 1022}
  };

  private static final int RANDOM_CASES = 300;

  /** What an emulated GPU affords. */
  private static final int MOST_EMULATED = 2500;

  static Stream<RopeCase> cases() {
    List<RopeCase> cases = new ArrayList<>();
    for (boolean interleaved : new boolean[] {false, true}) {
      for (int d : HEAD_DIMS) {
        cases.add(RopeCase.of(2, 3, 5, d).paired(interleaved));
        cases.add(RopeCase.of(1, 2, 3, d).paired(interleaved).by(Angles.ROWS).inPlace(true));
      }
      for (int[] dims : PARTIAL) {
        RopeCase c = RopeCase.of(2, 2, 4, dims[0]).rotary(dims[1]).paired(interleaved);
        cases.add(c);
        cases.add(c.inPlace(true));
        cases.add(c.typed(DType.BF16, DType.F32, DType.F32, DType.BF16));
        cases.add(c.typed(DType.F16, DType.F16, DType.F16, DType.F32).by(Angles.SHARED_ROWS));
      }
      types(cases, interleaved);
      layouts(cases, interleaved);
      for (int length : new int[] {0, 1, 2, 7, 64, 301}) {
        cases.add(RopeCase.of(2, 4, length, 64).paired(interleaved));
        cases.add(RopeCase.of(2, 4, length, 64).paired(interleaved).by(Angles.ROWS));
      }
      cases.add(RopeCase.of(0, 2, 3, 8).paired(interleaved));
      cases.add(RopeCase.of(1, 32, 1, 128).paired(interleaved).inPlace(true));
      cases.add(RopeCase.of(3, 8, 90, 128).paired(interleaved).inPlace(true));
    }
    random(cases);
    return cases.stream();
  }

  private static void types(List<RopeCase> cases, boolean interleaved) {
    for (DType input : NUMBERS) {
      for (DType output : NUMBERS) {
        for (DType table : NUMBERS) {
          RopeCase c = RopeCase.of(2, 2, 3, 40).rotary(32).paired(interleaved);
          cases.add(c.typed(input, table, table, output));
          cases.add(c.typed(input, table, table, output).inPlace(true).by(Angles.SHARED_POSITIONS));
        }
      }
    }
    cases.add(
        RopeCase.of(2, 2, 3, 36)
            .paired(interleaved)
            .typed(DType.F16, DType.BF16, DType.F32, DType.BF16));
  }

  private static void layouts(List<RopeCase> cases, boolean interleaved) {
    for (Layout layout : LAYOUTS) {
      for (Angles angles : Angles.values()) {
        RopeCase c = RopeCase.of(2, 3, 5, 24).rotary(20).paired(interleaved).by(angles);
        cases.add(c.laidOut(layout, Layout.BHSD));
        cases.add(c.laidOut(layout, layout).inPlace(true));
        cases.add(c.laidOut(Layout.BHSD, layout).typed(DType.F16, DType.F32, DType.F32, DType.F16));
        cases.add(c.laidOut(layout, layout).typed(DType.BF16, DType.BF16, DType.F32, DType.F32));
      }
    }
  }

  private static void random(List<RopeCase> cases) {
    Random random = new Random(1);
    for (int i = 0; i < Integer.getInteger("rapt.random", RANDOM_CASES); i++) {
      int d = 2 + random.nextInt(random.nextBoolean() ? 40 : 300);
      int rotary = d % 2 == 0 && random.nextBoolean() ? 0 : 2 * (1 + random.nextInt(d / 2));
      cases.add(
          RopeCase.of(1 + random.nextInt(3), 1 + random.nextInt(5), 1 + random.nextInt(40), d)
              .rotary(rotary)
              .paired(random.nextBoolean())
              .by(Angles.values()[random.nextInt(4)])
              .typed(type(random), type(random), type(random), type(random))
              .inPlace(random.nextInt(3) == 0)
              .laidOut(layout(random), layout(random)));
    }
  }

  private static DType type(Random random) {
    return NUMBERS[random.nextInt(NUMBERS.length)];
  }

  private static Layout layout(Random random) {
    return LAYOUTS[random.nextBoolean() ? 0 : random.nextInt(LAYOUTS.length)];
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierAgreesWithTheOracle(RopeCase c) {
    try (RopeCall call = new RopeCall(c)) {
      Judge.everyTier(
          Tier.worth(c, false),
          tier -> {
            float[] one = call.check(tier.device(), c + " on " + tier);
            if (tier != Tier.JAVA) {
              String several = c + " on " + tier + ", several threads";
              assertArrayEquals(
                  one, call.check(tier.device(Tier.SEVERAL_THREADS), several), several);
            }
          });
    }
  }

  static Stream<RopeCase> cudaCases() {
    return Cuda.affordable(
        cases(),
        cases().filter(c -> c.batch() * c.heads() * c.length() * c.headDim() <= MOST_EMULATED));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cudaCases")
  void cudaAgreesWithTheOracle(RopeCase c) {
    Cuda.require();
    RopeCall.checkOnCuda(c);
  }
}
