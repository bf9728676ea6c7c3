// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.check.Cuda;
import dev.rapt.check.Judge;
import dev.rapt.check.Oracle.Answer;
import dev.rapt.check.Tier;
import dev.rapt.mha.MhaCall.Actual;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Multi-head attention on every tier, with one thread and with several, against the oracle. {@code
 * -Drapt.mha="b2 h4 q17 k17 d8 | nobias"} runs one case by its name.
 */
class MhaMatrixTest {
  private static final int RANDOM_CASES = 150;

  private static final String[] CORES = {
    "b2 h4 q17 k17 d8",
    "b2 h4 q17 k30 d8/12 lse",
    "b1 h6/2 q33 k20 d16 causal(top)",
    "b3 h4/1 q1 k70 d32 causal(bottom) lse",
    "b2 h3 q13 k65 d5/7 window(9,3)",
    "b2 h4/2 q9 k24 d8 mask(q,k) lse",
    "b2 h4/2 q9 k24 d8 mask(b,h,q,k) bias(h,q,k)",
    "b2 h4 q50 k50 d16 softcap(5) sinks(h) lse",
    "b1 h2 q20 k300 d64 scale(0.3)",
    "b2 h4 q11 k40 d16 alibi(h) causal(bottom) lse",
    "b3 h4/2 q11 k40 d16 alibi(bh) sinks(bh) lse",
    "b2 h4/2 q17 k30 d8 weights(softmax) lse",
    "b2 h4 q3 k130 d8 mask(k) weights(softmax)",
    "b2 h4 q17 k30 d8 weights(raw)",
    "b2 h4 q17 k30 d8 weights(softcap) softcap(2)",
    "b2 h4 q17 k30 d8 weights(bias) mask(q,k)"
  };
  private static final String[] DTYPES = {
    "f16", "bf16", "f16,bf16,f32,f16,f32", "f32,f16,bf16,bf16,f16"
  };
  private static final String[] CORES_OF_ANY_TYPE = {
    "b2 h4/2 q17 k30 d8/12",
    "b2 h4/2 q3 k130 d16 causal(bottom) lse",
    "b2 h4/2 q9 k24 d8 bias(q,k) weights(softmax)"
  };
  private static final String[] PROJECTIONS = {
    "",
    "nobias",
    "embed(19) kdim(11) vdim(13) out(23)",
    "noout",
    "padding",
    "biaskv",
    "zero",
    "biaskv zero padding",
    "biaskv zero embed(19) kdim(11) nobias padded",
    "padding padded"
  };

  static Stream<MhaCase> cases() {
    String replay = System.getProperty("rapt.mha");
    if (replay != null) {
      return Stream.of(MhaCase.parse(replay));
    }
    List<String> names = new ArrayList<>();
    for (String core : CORES) {
      for (String projection : PROJECTIONS) {
        names.add(core + " | " + projection);
        if (core.contains("weights(softmax)")) {
          names.add(core + " | " + projection + " average");
        }
      }
    }
    for (String core : new String[] {"b1 h4 q17 k17 d8", "b2 h3 q5 k40 d12 causal(bottom) lse"}) {
      names.add(core + " | packed");
      names.add(core + " | packed nobias biaskv");
    }
    for (String core : new String[] {"b1 h4 q17 k30 d8", "b1 h4/2 q1 k90 d16/8 causal(bottom)"}) {
      for (String projection : new String[] {"", "padding", "biaskv zero", "noout nobias"}) {
        names.add(core + " | " + projection + " unbatched");
      }
    }
    for (String dtype : DTYPES) {
      for (String stored : new String[] {"f32", "f16", "bf16"}) {
        for (String core : CORES_OF_ANY_TYPE) {
          String typed = core + " dtype(" + dtype + ") | stored(" + stored + ")";
          names.add(typed);
          names.add(typed + " biaskv padding padded");
          names.add(typed + " biaskv(" + stored + ") zero");
        }
      }
    }
    names.add("b0 h2 q3 k4 d8 |");
    names.add("b2 h2 q0 k4 d8 |");
    names.add("b2 h2 q3 k0 d8 |");
    names.add("b2 h2 q3 k0 d8 | biaskv");
    names.add("b1 h12 q128 k128 d32 |");
    names.addAll(RandomMhaCases.first(Integer.getInteger("rapt.random", RANDOM_CASES)));
    return names.stream().map(MhaCase::parse);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void everyTierAgreesWithTheOracle(MhaCase c) {
    MhaData data = MhaData.of(c);
    Answer expected = MhaOracle.answer(c, data).stored(c.core().dtype("out"));
    try (MhaCall call = new MhaCall(c, data)) {
      Judge.everyTier(
          Tier.worth(c, false),
          tier -> {
            Actual actual = call.run(tier.device());
            String what = c + " on " + tier;
            Judge.check(what, expected, actual.output(), actual.lse(), actual.weights());
            if (tier != Tier.JAVA) {
              Actual several = call.run(tier.device(Tier.SEVERAL_THREADS));
              assertArrayEquals(actual.output(), several.output(), what + " with several threads");
            }
          });
    }
  }

  static Stream<MhaCase> cudaCases() {
    if (System.getProperty("rapt.mha") != null) {
      return cases();
    }
    List<String> few = new ArrayList<>();
    for (String dtype : new String[] {"f32", "f16", "bf16", "f16,bf16,f32,f16,f32"}) {
      for (String projection : PROJECTIONS) {
        String stored = dtype.contains(",") ? "f32" : dtype;
        String typed = " dtype(" + dtype + ") | " + projection + " stored(" + stored + ")";
        few.add("b2 h2/1 q5 k9 d8/12 mask(q,k) lse" + typed);
        few.add("b1 h2 q3 k17 d16 causal(bottom) weights(softmax)" + typed + " average");
      }
    }
    few.add("b1 h2 q3 k9 d8 | unbatched padding");
    few.add("b2 h2 q0 k4 d8 |");
    few.add("b2 h2 q3 k0 d8 | biaskv");
    few.add("b2 h4/2 q5 k9 d8/12 | biaskv(f16)");
    few.add("b2 h4/2 q5 k9 d8/12 dtype(bf16) | biaskv(bf16) zero stored(bf16)");
    return Cuda.affordable(cases(), few.stream().map(MhaCase::parse));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cudaCases")
  void cudaAgreesWithTheOracle(MhaCase c) {
    Cuda.require();
    MhaCall.checkOnCuda(c);
  }

  @Test
  void aNameReplaysItsCase() {
    cases().forEach(c -> assertEquals(c, MhaCase.parse(c.toString())));
  }
}
