// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.Plan;
import java.util.List;

/**
 * What one text did inside the encoder. Holds no off-heap memory; its arrays belong to whoever
 * asked for it.
 *
 * @param weights attention weights [layer][head][query][key]; each row sums to 1
 * @param times one entry per layer
 * @param plans what the device ran in each layer: attention, feed-forward up, feed-forward down
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
