// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import java.util.ArrayList;
import java.util.List;

/** Keys and values in bytes: every way to scale them, and every option on top. */
final class Int8Cases {
  /** Register, panel and block edges of the head dimension, and the odd ones of real models. */
  private static final int[] HEAD_DIMS = {
    1, 3, 8, 15, 16, 17, 31, 32, 33, 64, 80, 96, 111, 128, 129, 192, 256, 257, 1024
  };

  /** Equal to, below and above each tile, and split over threads. */
  private static final int[] KEY_LENGTHS = {
    1, 2, 15, 16, 17, 33, 64, 65, 128, 129, 257, 512, 513, 1025, 4097
  };

  /** One query of several heads, few, and blocks of them; over few keys and over many. */
  private static final String[] SHAPES = {
    "b2 h4/2 q1 k133 d32/16",
    "b2 h4/2 q3 k70 d24/20",
    "b1 h8/1 q2 k1101 d64",
    "b2 h4/2 q37 k70 d24/20",
    "b1 h2/1 q45 k1101 d32"
  };

  /** Both in bytes, or one beside every other type. */
  private static final String[] DTYPES = {
    "f32,i8,i8,f32,f32",
    "bf16,i8,i8,bf16,f16",
    "f32,i8,f32,f16,f32",
    "f16,f16,i8,f32,f32",
    "f16,i8,bf16,f16,f32",
    "bf16,bf16,i8,f32,bf16"
  };

  private static final String[] OPTIONS = {
    "causal(top) lse",
    "causal(bottom) lse",
    "causal(bottom) window(20,3) softcap(4) sinks(h) lse",
    "offset(-5) window(9,9) lse",
    "mask(q,k) density(0.3) lse",
    "mask(b,1,1,k) poison(unseen) lse",
    "mask(q,k) poison(some) lse",
    "causal(bottom) window(11,0) poison(unseen) weights(softmax)",
    "bias(h,q,k) mask(b,1,1,k) alibi(h) weights(softmax)",
    "bias(q,k) weights(bias) lse",
    "scale(-0.3) weights(raw)",
    "softcap(2) weights(softcap) lse",
    "alibi(bh) sinks(bh) causal(bottom) lse",
    "spread(8) lse"
  };

  private static final String[] LAYOUTS = {
    "bshd", "transposed", "padded", "reversed", "flipped", "mirrored", "stepped", "shared"
  };

  private Int8Cases() {}

  static List<String> all() {
    List<String> cases = new ArrayList<>();
    for (String dtype : DTYPES) {
      for (String shape : SHAPES) {
        cases.add(shape + " lse dtype(" + dtype + ")");
        cases.add(shape + " causal(bottom) lse dtype(" + dtype + ") groups(2,4)");
      }
    }
    String both = " dtype(f32,i8,i8,f32,f32)";
    for (int d : HEAD_DIMS) {
      cases.add("b1 h2/1 q19 k50 d" + d + "/8 causal(bottom)" + both);
      cases.add("b1 h4/1 q1 k70 d" + d + "/32 lse" + both);
      cases.add("b1 h4/1 q3 k70 d32/" + d + " lse" + both);
      cases.add("b1 h2/1 q2 k41 d" + d + both + " groups(" + d + "," + d + ")");
    }
    for (int k : KEY_LENGTHS) {
      cases.add("b1 h4/1 q1 k" + k + " d64 lse" + both);
      cases.add("b2 h2 q20 k" + k + " d32 causal(bottom)" + both + " groups(1,1)");
    }
    for (String groups : new String[] {"1,1", "2,2", "4,1", "1,4", "3,3", "96,96"}) {
      for (int q : new int[] {1, 5, 33}) {
        cases.add("b1 h4/2 q" + q + " k150 d96 lse" + both + " groups(" + groups + ")");
      }
    }
    options(cases, both);
    return cases;
  }

  private static void options(List<String> cases, String both) {
    for (String shape : SHAPES) {
      for (String options : OPTIONS) {
        cases.add(shape + " " + options + both);
        cases.add(shape + " " + options + both + " groups(4,2)");
      }
      for (String layout : LAYOUTS) {
        String operands = " key(" + layout + ") value(" + layout + ") bias(q,k)";
        cases.add(shape + operands + both);
        cases.add(shape + operands + both + " groups(2,2)");
      }
    }
    cases.add("b0 h1 q2 k3 d8" + both);
    cases.add("b1 h1 q0 k3 d8" + both);
    cases.add("b1 h1 q2 k0 d8 lse" + both);
    cases.add("b1 h2/1 q1 k9001 d64 lse" + both);
  }
}
