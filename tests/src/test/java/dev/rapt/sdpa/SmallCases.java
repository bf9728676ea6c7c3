// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Every option in every type at sizes that an emulated GPU affords: some thousand scores each. */
final class SmallCases {
  private static final String[] DTYPES = {"f32", "f16", "bf16", "f16,bf16,f32,f16,bf16"};

  /** One tile with a tail, one row, and few rows of grouped heads over more keys. */
  private static final String[] SHAPES = {
    "b1 h2/1 q21 k37 d16/24", "b2 h2 q1 k70 d32", "b1 h4/1 q3 k140 d64"
  };

  private static final String[] OPTIONS = {
    "",
    "causal(top) lse",
    "causal(bottom) window(9,2) lse",
    "offset(-7) window(5,5) lse",
    "mask(q,k) lse",
    "mask(b,1,1,k) density(0.1) poison(some) lse",
    "bias(h,q,k) mask(k)",
    "softcap(3) scale(-0.4) lse",
    "alibi(bh) causal(bottom) lse",
    "sinks(h) mask(q,k) density(0.05) lse",
    "weights(raw)",
    "weights(softcap) softcap(2)",
    "weights(bias) bias(q,1) alibi(h)",
    "weights(softmax) causal(bottom) lse"
  };
  private static final String[] LAYOUTS = {
    "bshd", "transposed", "padded", "reversed", "flipped", "mirrored", "stepped"
  };

  private SmallCases() {}

  static List<String> all() {
    List<String> cases = new ArrayList<>();
    int turn = 0;
    for (String dtype : DTYPES) {
      String suffix = " dtype(" + dtype + ")";
      for (String options : OPTIONS) {
        // Each option meets each shape in some type, and each type in some shape.
        String shape = SHAPES[turn++ % SHAPES.length];
        cases.add((shape + " " + options).strip() + suffix);
      }
      for (String layout : LAYOUTS) {
        String shape = SHAPES[turn++ % SHAPES.length];
        cases.add(
            String.format(
                Locale.ROOT,
                "%s query(%s) key(%s) value(%s) out(%s) mask(q,k)%s",
                shape,
                layout,
                layout,
                layout,
                layout,
                suffix));
      }
      cases.add("b2 h2 q5 k9 d8 key(shared) value(shared)" + suffix);
      for (int d : new int[] {1, 5, 80, 128, 192, 256, 300}) {
        cases.add("b1 h1 q2 k18 d" + d + suffix);
      }
      cases.add("b1 h1 q70 k67 d32 causal(bottom)" + suffix);
      cases.add("b1 h2/1 q1 k600 d32 lse" + suffix);
      cases.add("b0 h1 q2 k3 d8" + suffix);
      cases.add("b1 h1 q0 k3 d8" + suffix);
      cases.add("b1 h1 q2 k0 d8 lse" + suffix);
    }
    bytes(cases);
    cases.add("b1 h4/2 q7 k7 d20/12 packed dtype(f16)");
    cases.add("b1 h4 q9 k9 d16 packed causal(top) dtype(bf16)");
    return cases;
  }

  /** Keys and values in bytes, by row and in groups, both or one of them. */
  private static void bytes(List<String> cases) {
    int turn = 0;
    for (String dtype : new String[] {"f32,i8,i8,f32,f32", "bf16,i8,i8,f16,f32"}) {
      for (String options : OPTIONS) {
        String shape = SHAPES[turn++ % SHAPES.length];
        String groups = turn % 2 == 0 ? " groups(4,2)" : "";
        cases.add((shape + " " + options).strip() + " dtype(" + dtype + ")" + groups);
      }
      for (String layout : LAYOUTS) {
        String shape = SHAPES[turn++ % SHAPES.length];
        cases.add(
            String.format(
                Locale.ROOT,
                "%s key(%s) value(%s) dtype(%s) groups(1,8)",
                shape,
                layout,
                layout,
                dtype));
      }
    }
    for (String dtype : new String[] {"f16,i8,f32,f16,f32", "f32,bf16,i8,f32,f32"}) {
      for (String shape : SHAPES) {
        cases.add(shape + " causal(bottom) lse dtype(" + dtype + ")");
      }
    }
    for (int d : new int[] {1, 5, 80, 128, 256, 300}) {
      cases.add("b1 h1 q2 k18 d" + d + " dtype(f32,i8,i8,f32,f32) groups(1," + d + ")");
    }
    cases.add("b1 h2/1 q1 k600 d32 lse dtype(f16,i8,i8,f16,f32)");
    cases.add("b1 h1 q2 k0 d8 lse dtype(f32,i8,i8,f32,f32)");
  }
}
