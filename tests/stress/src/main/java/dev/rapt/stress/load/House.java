// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.Device;
import dev.rapt.stress.call.Draw;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** Everything that callers share. */
final class House implements AutoCloseable {
  private static final int DEVICES = 4;
  private static final int ARENAS = 6;

  private final Arena arena = Arena.ofShared();
  final Tier[] tiers = Tier.usable().toArray(Tier[]::new);
  final List<Case> cases = new ArrayList<>();
  final List<Case> layered;
  final AtomicReferenceArray<DeviceRoom> devices = new AtomicReferenceArray<>(DEVICES);
  final AtomicReferenceArray<ArenaRoom> arenas = new AtomicReferenceArray<>(ARENAS);

  /** Draws the cases and runs each of them alone. */
  House(long seed, int size) {
    Device[] alone = new Device[tiers.length];
    for (int tier = 0; tier < tiers.length; tier++) {
      alone[tier] = tiers[tier].open(1);
    }
    for (int number = 0; number < size; number++) {
      cases.add(Case.draw(seed, number, arena, alone, tiers));
    }
    for (Device device : alone) {
      device.close();
    }
    layered = cases.stream().filter(one -> one.problem().hasWeights()).toList();
  }

  /** Opens the rooms. */
  void open(long seed) {
    Draw draw = new Draw(seed, -1);
    for (int i = 0; i < DEVICES; i++) {
      devices.set(i, new DeviceRoom(draw, tiers, layered));
    }
    for (int i = 0; i < ARENAS; i++) {
      arenas.set(i, new ArenaRoom(draw, cases));
    }
  }

  /** Closes the rooms; nobody is in them. */
  void shut() throws InterruptedException {
    for (int i = 0; i < DEVICES; i++) {
      devices.get(i).close(false);
    }
    for (int i = 0; i < ARENAS; i++) {
      arenas.get(i).close();
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
