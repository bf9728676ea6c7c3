// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.Plan;
import java.util.List;

/**
 * What the encoder computed for one text, and how long that took. It has no off-heap memory; its
 * arrays belong to the caller.
 *
 * @param weights attention weights [layer][head][query][key]; each row sums to 1
 * @param times one entry per layer
 * @param plans what the device ran in a layer, the same in each: attention, feed-forward up,
 *     feed-forward down
 */
public record Trace(float[][][][] weights, List<LayerTime> times, List<Plan> plans) {
  /** Number of layers. */
  public int layers() {
    return weights.length;
  }

  /** Number of heads per layer. */
  public int heads() {
    return weights[0].length;
  }
}
