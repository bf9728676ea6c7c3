// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.Device;
import dev.rapt.stress.call.Draw;
import dev.rapt.stress.call.Layer;
import java.util.List;
import java.util.stream.IntStream;

/** A device that many callers share, with layers that they share too, until somebody closes it. */
final class DeviceRoom {
  private static final int MOST_THREADS = 4;

  /** A layer of a case; whoever closes it says so first. */
  static final class SharedLayer {
    final Case of;
    final Layer layer;
    volatile boolean closing;

    private SharedLayer(Case of, Layer layer) {
      this.of = of;
      this.layer = layer;
    }

    void close() {
      closing = true;
      layer.close();
    }
  }

  final int tier;
  final Device device;
  final List<SharedLayer> layers;

  /** Layers of some of the cases that have weights; tiers from the best one on. */
  DeviceRoom(Draw draw, Tier[] tiers, List<Case> layered) {
    tier = draw.oneIn(2) ? 0 : draw.from(0, tiers.length - 1);
    device = tiers[tier].open(draw.from(1, MOST_THREADS));
    layers =
        IntStream.range(0, draw.from(1, 6))
            .mapToObj(i -> layered.get(draw.from(0, layered.size() - 1)))
            .filter(of -> of.bits()[tier] != Case.LEFT_OUT)
            .map(of -> new SharedLayer(of, of.problem().on(device, of.memory().tensors())))
            .toList();
  }

  /** Device first or layers first: both are allowed, also while calls are running. */
  void close(boolean deviceFirst) {
    if (deviceFirst) {
      device.close();
    }
    layers.forEach(SharedLayer::close);
    device.close();
  }
}
