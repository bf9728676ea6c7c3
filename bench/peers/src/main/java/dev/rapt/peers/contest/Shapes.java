// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The problems of the benchmark, in the order they run. */
public final class Shapes {
  /** Each name says what it is; B, Hq/Hkv, Sq, Skv, D stand in this order. */
  public static final List<Shape> ALL =
      List.of(
          attention("bert-base", 1, 12, 12, 512, 512, 64),
          attention("minilm", 1, 12, 12, 32, 32, 32),
          attention("batch-32x128", 32, 12, 12, 128, 128, 64),
          attention("full-1k-d80", 1, 16, 16, 1024, 1024, 80),
          attention("full-1k-d96", 1, 16, 16, 1024, 1024, 96),
          attention("full-1k-d128", 1, 32, 32, 1024, 1024, 128),
          attention("full-1k-d256", 1, 8, 8, 1024, 1024, 256),
          attention("full-4k-d64", 1, 8, 8, 4096, 4096, 64),
          attention("full-4k-d128", 1, 8, 8, 4096, 4096, 128),
          causal("causal-1k-d128", 1, 32, 32, 1024, 128, 0),
          causal("causal-1k-gqa8", 1, 32, 4, 1024, 128, 0),
          causal("causal-4k-d128", 1, 8, 8, 4096, 128, 0),
          causal("causal-16k-d64", 1, 4, 4, 16384, 64, 0),
          causal("window-1k-of-16k", 1, 4, 4, 16384, 64, 1024),
          attention("decode-1k", 1, 32, 8, 1, 1024, 128),
          attention("decode-4k", 1, 32, 8, 1, 4096, 128),
          attention("decode-32k", 1, 32, 8, 1, 32768, 128),
          attention("decode-8x1k", 8, 32, 8, 1, 1024, 128),
          attention("decode-4k-gqa8", 1, 64, 8, 1, 4096, 128),
          attention("mha-bert-base", 1, 12, 12, 512, 512, 64).withProjections(),
          attention("tiny", 1, 1, 1, 1, 1, 8));

  private Shapes() {}

  /**
   * Those that a name or glob picks ({@code *} any text, {@code ?} one character), in the order of
   * {@link #ALL}.
   *
   * @throws IllegalArgumentException naming a pattern that picks nothing
   */
  public static List<Shape> matching(List<String> patterns) {
    Set<Shape> chosen = new LinkedHashSet<>();
    for (String pattern : patterns) {
      Pattern regex = glob(pattern);
      List<Shape> found =
          ALL.stream().filter(shape -> regex.matcher(shape.name()).matches()).toList();
      if (found.isEmpty()) {
        throw new IllegalArgumentException(
            "no shape is called " + pattern + "; there are " + String.join(", ", names()));
      }
      chosen.addAll(found);
    }
    List<Shape> ordered = new ArrayList<>(ALL);
    ordered.retainAll(chosen);
    return ordered;
  }

  /** All names. */
  public static List<String> names() {
    return ALL.stream().map(Shape::name).toList();
  }

  private static Pattern glob(String pattern) {
    StringBuilder regex = new StringBuilder();
    for (char c : pattern.toCharArray()) {
      regex.append(
          switch (c) {
            case '*' -> ".*";
            case '?' -> ".";
            default -> Pattern.quote(String.valueOf(c));
          });
    }
    return Pattern.compile(regex.toString());
  }

  private static Shape attention(
      String name, int batch, int heads, int kvHeads, int queryLen, int kvLen, int headDim) {
    return Shape.attention(name, batch, heads, kvHeads, queryLen, kvLen, headDim);
  }

  private static Shape causal(
      String name, int batch, int heads, int kvHeads, int length, int headDim, int window) {
    return Shape.attention(name, batch, heads, kvHeads, length, length, headDim).withCausal(window);
  }
}
