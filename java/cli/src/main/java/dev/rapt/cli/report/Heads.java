// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.report;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The heads to search for links.
 *
 * @param searched the heads to look at
 * @param leftOut heads that look at the next or the previous token whatever it is: their weights
 *     are near 1 and say nothing about the words
 */
public record Heads(List<Head> searched, List<Head> leftOut) {
  /** Mean weight on the neighbour from which a head counts as looking at nothing else. */
  private static final double POSITIONAL = 0.5;

  /** In a shorter text nearly everything is a neighbour. */
  private static final int MIN_TOKENS = 6;

  /** Copies the lists. */
  public Heads {
    searched = List.copyOf(searched);
    leftOut = List.copyOf(leftOut);
  }

  /**
   * Selects heads of the weights [layer][head][query][key]. A head that is the only one asked for
   * is never left out.
   *
   * @param layer the only layer to search, or null for all
   * @param index the only head of each layer to search, or null for all
   */
  public static Heads select(
      float[][][][] weights, @Nullable Integer layer, @Nullable Integer index) {
    List<Head> searched = new ArrayList<>();
    List<Head> leftOut = new ArrayList<>();
    for (int l = 0; l < weights.length; l++) {
      for (int h = 0; h < weights[l].length; h++) {
        if (layer != null && layer != l || index != null && index != h) {
          continue;
        }
        boolean only = layer != null && index != null;
        (!only && isPositional(weights[l][h]) ? leftOut : searched).add(new Head(l, h));
      }
    }
    return new Heads(searched, leftOut);
  }

  /** [CLS] and [SEP] are left aside: every head may look at them. */
  private static boolean isPositional(float[][] head) {
    int last = head.length - 2;
    double previous = 0;
    double next = 0;
    for (int query = 1; query < last; query++) {
      previous += head[query + 1][query];
      next += head[query][query + 1];
    }
    return head.length >= MIN_TOKENS && Math.max(previous, next) > POSITIONAL * (last - 1);
  }
}
