// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import dev.rapt.check.AttentionCase;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** The unplanned part of the matrix: options combined at random, the same ones in every run. */
final class RandomCases {
  private static final int[] LENGTHS = {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 32, 33, 48, 63, 64};
  private static final int[] KEY_LENGTHS = {
    1, 2, 7, 16, 17, 31, 64, 65, 127, 128, 130, 255, 257, 513, 700
  };
  private static final int[] DIMS = {1, 2, 5, 8, 16, 20, 31, 32, 40, 57, 64, 72, 80, 100, 128, 160};
  private static final String[] DIM_NAMES = {"b", "h", "q", "k"};
  private static final String[] DTYPES = {"f32", "f16", "bf16"};
  private static final String[] LAYOUTS = {
    "bhsd", "bshd", "transposed", "padded", "reversed", "flipped", "mirrored", "stepped"
  };

  private final Random random;

  private RandomCases(long seed) {
    random = new Random(seed);
  }

  static List<AttentionCase> first(int count) {
    List<AttentionCase> cases = new ArrayList<>();
    for (int seed = 0; seed < count; seed++) {
      cases.add(new RandomCases(seed).next().with("seed", "" + seed));
    }
    return cases;
  }

  private AttentionCase next() {
    int kvHeads = 1 + random.nextInt(3);
    int heads = kvHeads * (1 + random.nextInt(4));
    int d = pick(DIMS);
    int dv = chance(0.3) ? pick(DIMS) : d;
    int q = chance(0.2) ? 1 + random.nextInt(200) : pick(LENGTHS);
    int k = chance(0.3) ? 1 + random.nextInt(400) : pick(KEY_LENGTHS);
    if (q * heads <= 60 && chance(0.3)) {
      k = 1024 + random.nextInt(3000);
    }
    StringBuilder name = new StringBuilder();
    name.append("b").append(1 + random.nextInt(3)).append(" h").append(heads).append("/");
    name.append(kvHeads).append(" q").append(q).append(" k").append(k);
    name.append(" d").append(d).append("/").append(dv);
    AttentionCase c = AttentionCase.parse(name.toString());
    c = maybe(c, 0.5, "causal", chance(0.5) ? "top" : "bottom");
    c = maybe(c, 0.3, "offset", "" + (random.nextInt(q + k) - q));
    c = maybe(c, 0.25, "window", edge() + "," + edge());
    c = maybe(c, 0.2, "scale", "" + (float) (random.nextGaussian() * 0.4));
    c = maybe(c, 0.25, "softcap", "" + (1 + random.nextInt(40)));
    c = maybe(c, 0.35, "mask", dims());
    c = maybe(c, 0.35, "bias", dims());
    c = maybe(c, 0.2, "alibi", chance(0.5) ? "h" : "bh");
    c = maybe(c, 0.2, "sinks", chance(0.5) ? "h" : "bh");
    c = maybe(c, 0.5, "lse", "");
    c = maybe(c, 0.3, "weights", pick(new String[] {"raw", "softcap", "bias", "softmax"}));
    c = maybe(c, 0.2, "density", pick(new String[] {"0.05", "0.3", "0.95"}));
    c = maybe(c, 0.15, "poison", chance(0.5) ? "unseen" : "some");
    for (String operand : new String[] {"query", "key", "value", "out"}) {
      c = maybe(c, 0.4, operand, pick(LAYOUTS));
    }
    c = maybe(c, 0.4, "dtype", types());
    return chance(0.2) ? quantised(c) : c;
  }

  /** With key, value or both in bytes, by row or in groups of neighbours. */
  private AttentionCase quantised(AttentionCase c) {
    List<String> types = new ArrayList<>();
    for (String operand : new String[] {"query", "key", "value", "out", "bias"}) {
      types.add(c.dtype(operand).name().toLowerCase(Locale.ROOT));
    }
    int which = random.nextInt(4);
    types.set(1, which == 1 ? types.get(1) : "i8");
    types.set(2, which == 2 ? types.get(2) : "i8");
    c = c.with("dtype", String.join(",", types));
    return maybe(c, 0.5, "groups", divisor(c.headDim()) + "," + divisor(c.valueDim()));
  }

  private int divisor(int size) {
    int divisor = 1 + random.nextInt(size);
    return size % divisor == 0 ? divisor : divisor(size);
  }

  /** All of one type, or each operand of its own. */
  private String types() {
    String one = pick(DTYPES);
    if (chance(0.5)) {
      return one;
    }
    List<String> types = new ArrayList<>(List.of(one));
    while (types.size() < 5) {
      types.add(pick(DTYPES));
    }
    return String.join(",", types);
  }

  private AttentionCase maybe(AttentionCase c, double probability, String key, String value) {
    return chance(probability) ? c.with(key, value) : c;
  }

  private boolean chance(double probability) {
    return random.nextDouble() < probability;
  }

  private String edge() {
    return "" + (random.nextInt(60) - 1);
  }

  private String dims() {
    int rank = 1 + random.nextInt(4);
    List<String> dims = new ArrayList<>();
    for (int i = 4 - rank; i < 4; i++) {
      dims.add(chance(0.6) ? DIM_NAMES[i] : "1");
    }
    return String.join(",", dims);
  }

  private int pick(int[] values) {
    return values[random.nextInt(values.length)];
  }

  private String pick(String[] values) {
    return values[random.nextInt(values.length)];
  }
}
