// SPDX-License-Identifier: Apache-2.0
package dev.rapt.mha;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Multi-head attention with options combined at random, the same ones in every run. */
final class RandomMhaCases {
  private static final String[] CORE = {
    "causal(top)", "causal(bottom)", "window(7,2)", "softcap(3)", "scale(-0.2)", "mask(q,k)",
    "mask(b,1,1,k)", "bias(h,q,k)", "bias(k)", "alibi(h)", "sinks(h)", "lse"
  };
  private static final String[] STAGES = {"raw", "softcap", "bias", "softmax"};
  private static final String[] PROJECTION = {
    "embed(19)", "kdim(11)", "vdim(33)", "out(21)", "nobias", "padding", "biaskv", "zero", "padded"
  };

  private RandomMhaCases() {}

  static List<String> first(int count) {
    List<String> names = new ArrayList<>();
    for (int seed = 0; seed < count; seed++) {
      names.add(name(new Random(seed)));
    }
    return names;
  }

  private static String name(Random random) {
    int kvHeads = 1 + random.nextInt(3);
    List<String> words = new ArrayList<>();
    words.add("b" + (1 + random.nextInt(3)));
    words.add("h" + kvHeads * (1 + random.nextInt(3)) + "/" + kvHeads);
    words.add("q" + (1 + random.nextInt(random.nextBoolean() ? 6 : 70)));
    words.add("k" + (1 + random.nextInt(90)));
    words.add("d" + (1 + random.nextInt(40)) + "/" + (1 + random.nextInt(40)));
    pick(random, 0.25, CORE, words);
    boolean weights = random.nextInt(3) == 0;
    if (weights) {
      words.add("weights(" + STAGES[random.nextInt(STAGES.length)] + ")");
    }
    // At most one of the masks and biases each: an option stands once.
    List<String> seen = new ArrayList<>();
    words.removeIf(word -> !first(seen, word.replaceAll("\\(.*", "")));
    words.add("|");
    pick(random, 0.3, PROJECTION, words);
    if (weights && random.nextBoolean()) {
      words.add("average");
    }
    return String.join(" ", words);
  }

  private static boolean first(List<String> seen, String key) {
    return !seen.contains(key) && seen.add(key);
  }

  private static void pick(Random random, double share, String[] from, List<String> to) {
    for (String word : from) {
      if (random.nextDouble() < share) {
        to.add(word);
      }
    }
  }
}
