// SPDX-License-Identifier: Apache-2.0
package dev.rapt.sdpa;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The planned part of the matrix: each option swept over the values where kernels change course.
 */
final class Sweeps {
  /** Register, panel and block edges of the head dimension, and the odd ones of real models. */
  private static final int[] HEAD_DIMS = {
    1, 3, 8, 15, 16, 17, 31, 32, 33, 59, 64, 80, 96, 111, 128, 129, 192, 257, 512, 1023, 1024
  };

  /** Equal to, below and above each query tile: 12, 16, 32, 48, 64, 96. */
  private static final int[] QUERY_EDGES = {
    11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 191, 193
  };

  /** The same for key tiles 16 to 512, and lengths that are split over threads. */
  private static final int[] KEY_EDGES = {
    1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1023,
    1025, 2049, 4097
  };

  private static final String[] LAYOUTS = {
    "bshd", "transposed", "padded", "reversed", "flipped", "mirrored", "stepped", "shared"
  };

  /**
   * Shapes that leave a tail in every dimension: blocks of queries, few queries, and both over so
   * many keys that they are split.
   */
  private static final String[] SHAPES = {
    "b2 h4/2 q37 k70 d24/20",
    "b2 h4/2 q2 k133 d24/20",
    "b1 h2/1 q45 k1101 d24/20",
    "b2 h4/2 q2 k2100 d24/20"
  };

  /** One type for all, and each operand in a type of its own. */
  private static final String[] DTYPES = {
    "f16", "bf16", "f16,bf16,f32,f16,f32", "f32,f16,bf16,bf16,f16", "bf16,f32,f16,f32,bf16"
  };

  private final List<String> cases = new ArrayList<>();

  static List<String> all() {
    Sweeps sweeps = new Sweeps();
    sweeps.dimensions();
    sweeps.lengths();
    sweeps.heads();
    sweeps.positions();
    sweeps.masks();
    sweeps.scores();
    sweeps.outputs();
    sweeps.layouts();
    sweeps.poison();
    sweeps.dtypes();
    sweeps.cases.addAll(Int8Cases.all());
    return sweeps.cases;
  }

  private void add(String format, Object... arguments) {
    cases.add(String.format(Locale.ROOT, format, arguments));
  }

  private void dimensions() {
    for (int d : HEAD_DIMS) {
      add("b1 h2 q33 k65 d%d", d);
      add("b1 h2 q1 k130 d%d", d);
      add("b1 h2/1 q19 k50 d%d/8 causal(bottom)", d);
      add("b1 h2/1 q19 k50 d8/%d causal(bottom)", d);
      add("b1 h4/1 q3 k70 d32/%d lse", d);
    }
  }

  private void lengths() {
    for (int q : QUERY_EDGES) {
      add("b1 h2 q%d k129 d64", q);
      add("b1 h2/1 q%d k97 d40 causal(bottom) lse", q);
      add("b1 h1 q%d k%d d16 causal(top)", q, q);
    }
    for (int k : KEY_EDGES) {
      add("b1 h2 q40 k%d d32", k);
      add("b1 h2/1 q1 k%d d64 lse", k);
      add("b1 h4/1 q5 k%d d48 causal(bottom)", k);
      add("b2 h2 q14 k%d d16 mask(k)", k);
    }
    add("b1 h1 q1 k1 d1");
    add("b1 h1 q300 k3 d64");
    add("b1 h2 q260 k300 d64 causal(bottom)");
    add("b1 h1 q520 k520 d64 causal(top) lse");
    add("b1 h2/1 q1 k9001 d64 lse");
    add("b1 h2/1 q4 k9001 d32 window(4000,0) causal(bottom)");
  }

  private void heads() {
    int[][] groups = {
      {1, 1}, {3, 3}, {2, 1}, {4, 2}, {6, 2}, {7, 1}, {8, 1}, {12, 4}, {16, 2}, {32, 1}
    };
    for (int[] g : groups) {
      for (int q = 1; q <= 17; q += g[0] == 4 ? 1 : 4) {
        add("b1 h%d/%d q%d k131 d32", g[0], g[1], q);
      }
      add("b3 h%d/%d q1 k300 d64 causal(bottom) lse", g[0], g[1]);
      add("b2 h%d/%d q21 k45 d16/24 sinks(h) lse", g[0], g[1]);
    }
    for (int b : new int[] {2, 5, 9}) {
      add("b%d h3 q10 k20 d32", b);
      add("b%d h3/1 q1 k40 d32", b);
    }
  }

  private void positions() {
    int[][] lengths = {
      {34, 1}, {1, 34}, {17, 129}, {129, 17}, {64, 64}, {100, 97}, {1, 513}, {6, 90}
    };
    for (int[] l : lengths) {
      add("b1 h2 q%d k%d d32 causal(top) lse", l[0], l[1]);
      add("b1 h2 q%d k%d d32 causal(bottom) lse", l[0], l[1]);
      for (String offset : new String[] {"-200", "-33", "-5", "-1", "1", "7", "63", "100000"}) {
        add("b1 h2/1 q%d k%d d24 causal(top) offset(%s) lse", l[0], l[1], offset);
      }
    }
    String[] windows = {
      "0,0", "5,2", "-1,0", "0,-1", "31,-1", "-1,-1", "1000,1000", "63,0", "0,64"
    };
    for (String window : windows) {
      for (String shape :
          new String[] {"b1 h2 q70 k150 d32", "b1 h4/1 q3 k150 d32", "b1 h2 q90 k31 d32"}) {
        add("%s window(%s) lse", shape, window);
        add("%s causal(bottom) window(%s) lse", shape, window);
        add("%s causal(top) offset(40) window(%s)", shape, window);
        add("%s offset(-17) window(%s)", shape, window);
      }
    }
  }

  private void masks() {
    for (String shape : SHAPES) {
      for (String dims : broadcasts()) {
        add("%s mask(%s) lse", shape, dims);
        add("%s bias(%s) lse", shape, dims);
      }
      for (String density : new String[] {"0.02", "0.5", "1"}) {
        add("%s mask(h,q,k) density(%s) lse", shape, density);
        add("%s mask(q,k) density(%s) bias(b,h,q,k) causal(bottom) lse", shape, density);
      }
      add("%s mask(k) bias(q,1) softcap(4) causal(top) lse", shape);
    }
  }

  /** Rank 1 to 4, each dimension there or broadcast, independently of the others. */
  private static List<String> broadcasts() {
    String[] names = {"b", "h", "q", "k"};
    List<String> all = new ArrayList<>();
    for (int rank = 1; rank <= 4; rank++) {
      for (int present = 0; present < 1 << rank; present++) {
        List<String> dims = new ArrayList<>();
        for (int i = 0; i < rank; i++) {
          dims.add((present >> i & 1) == 1 ? names[4 - rank + i] : "1");
        }
        all.add(String.join(",", dims));
      }
    }
    return all;
  }

  private void scores() {
    for (String shape : SHAPES) {
      for (String scale : new String[] {"1", "0.3", "-0.3", "0", "1e-30", "-1e-30"}) {
        add("%s scale(%s) lse", shape, scale);
        add("%s scale(%s) causal(bottom) softcap(5)", shape, scale);
      }
      for (String softcap : new String[] {"0.5", "1", "30", "50", "1e6"}) {
        add("%s softcap(%s) lse", shape, softcap);
        add("%s softcap(%s) spread(30) lse", shape, softcap);
      }
      for (String dims : new String[] {"h", "bh"}) {
        add("%s alibi(%s) lse", shape, dims);
        add("%s alibi(%s) causal(bottom)", shape, dims);
        add("%s alibi(%s) offset(-9) window(20,5)", shape, dims);
        add("%s sinks(%s) lse", shape, dims);
        add("%s sinks(%s) causal(top) offset(-4) lse", shape, dims);
        add("%s sinks(%s) alibi(%s) mask(q,k) lse", shape, dims, dims);
      }
      add("%s spread(8) lse", shape);
      add("%s spread(8) bias(h,1,1) lse", shape);
    }
  }

  private void outputs() {
    for (String shape : SHAPES) {
      for (String stage : new String[] {"raw", "softcap", "bias", "softmax"}) {
        add("%s weights(%s)", shape, stage);
        add("%s weights(%s) causal(bottom) window(9,0) lse", shape, stage);
        add("%s weights(%s) softcap(3) bias(h,q,k) mask(b,1,1,k)", shape, stage);
        add("%s weights(%s) alibi(h) sinks(h) mask(q,k) density(0.1) lse", shape, stage);
        add("%s weights(%s) out(padded) key(padded)", shape, stage);
        add("%s weights(%s) out(transposed) causal(top)", shape, stage);
      }
    }
    add("b1 h2 q1 k2050 d32 weights(softmax) lse");
    add("b1 h2 q70 k700 d32 weights(softmax) causal(bottom) lse");
  }

  private void layouts() {
    for (String shape : SHAPES) {
      for (String layout : LAYOUTS) {
        for (String operand : new String[] {"query", "key", "value", "out"}) {
          if (!(operand.equals("out") && layout.equals("shared"))) {
            add("%s %s(%s) lse", shape, operand, layout);
          }
        }
        add(
            "%s query(%s) key(%s) value(%s) mask(q,k) causal(bottom)",
            shape, layout, layout, layout);
      }
    }
    for (String rest : new String[] {"", " causal(top)", " mask(q,k) lse", " out(bshd)"}) {
      add("b2 h3 q37 k37 d20 packed%s", rest);
      add("b2 h4/2 q3 k3 d20/12 packed%s", rest);
      add("b1 h4 q130 k130 d64 packed%s", rest);
    }
    add("b2 h4 q70 k140 d64 query(bshd) key(bshd) value(bshd) out(bshd)");
    add("b2 h4/2 q1 k140 d64 query(bshd) key(bshd) value(bshd) out(bshd)");
  }

  private void poison() {
    String[] hidden = {
      "causal(top)",
      "causal(bottom) window(11,0)",
      "causal(top) offset(-3)",
      "offset(9) window(3,3)",
      "mask(k)",
      "mask(q,k)",
      "mask(b,1,1,k)",
      "bias(k)",
      "mask(q,k) bias(h,1,k)"
    };
    for (String shape : SHAPES) {
      for (String options : hidden) {
        for (String poison : new String[] {"unseen", "some"}) {
          add("%s %s poison(%s) lse", shape, options, poison);
          add("%s %s softcap(2) poison(%s) weights(softmax) lse", shape, options, poison);
        }
      }
    }
  }

  private void dtypes() {
    for (String dtype : DTYPES) {
      for (int d : HEAD_DIMS) {
        add("b1 h2/1 q19 k50 d%d/8 causal(bottom) dtype(%s)", d, dtype);
        add("b1 h4/1 q3 k70 d32/%d lse dtype(%s)", d, dtype);
      }
      for (String shape : SHAPES) {
        add("%s lse dtype(%s)", shape, dtype);
        add("%s causal(bottom) window(20,3) softcap(4) sinks(h) lse dtype(%s)", shape, dtype);
        add("%s bias(h,q,k) mask(b,1,1,k) alibi(h) weights(softmax) dtype(%s)", shape, dtype);
        add("%s bias(q,k) weights(bias) lse dtype(%s)", shape, dtype);
        add("%s mask(q,k) poison(some) lse dtype(%s)", shape, dtype);
        for (String layout : LAYOUTS) {
          String out = layout.equals("shared") ? "padded" : layout;
          add(
              "%s query(%s) key(%s) value(%s) out(%s) bias(q,k) dtype(%s)",
              shape, layout, layout, layout, out, dtype);
        }
      }
      add("b1 h2 q70 k700 d64 spread(8) dtype(%s)", dtype);
      add("b1 h2/1 q1 k4097 d64 lse dtype(%s)", dtype);
    }
    for (String dtype : new String[] {"f16", "bf16"}) {
      add("b2 h4/2 q3 k3 d20/12 packed dtype(%s)", dtype);
      add("b1 h4 q130 k130 d64 packed causal(top) dtype(%s)", dtype);
    }
  }
}
