// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.stress.call.Draw;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.BooleanSupplier;

/** A thread that closes what others use, and puts something new in its place. */
final class Closer implements Runnable {
  private static final int MOST_PAUSE_MILLIS = 30;

  private final Draw draw;
  private final House house;
  private final Tally tally;
  private final BooleanSupplier ended;

  Closer(Draw draw, House house, Tally tally, BooleanSupplier ended) {
    this.draw = draw;
    this.house = house;
    this.tally = tally;
    this.ended = ended;
  }

  @Override
  public void run() {
    try {
      while (!ended.getAsBoolean()) {
        Thread.sleep(draw.from(0, MOST_PAUSE_MILLIS));
        switch (draw.from(0, 5)) {
          case 0, 1, 2 -> arena();
          case 3, 4 -> device();
          default -> layer();
        }
      }
    } catch (InterruptedException | RuntimeException | Error failure) {
      tally.failure("closing failed: " + Failures.text(failure));
    }
  }

  private void arena() throws InterruptedException {
    ArenaRoom next = new ArenaRoom(draw, house.cases);
    ArenaRoom old = swap(house.arenas, next);
    tally.count("closed/refused at first, because a call held the arena", old.close());
    tally.count("closed/shared arenas");
  }

  private void device() {
    DeviceRoom next = new DeviceRoom(draw, house.tiers, house.layered);
    DeviceRoom old = swap(house.devices, next);
    old.close(draw.oneIn(2));
    tally.count("closed/shared devices");
  }

  private void layer() {
    DeviceRoom room = house.devices.get(draw.from(0, house.devices.length() - 1));
    if (!room.layers.isEmpty()) {
      room.layers.get(draw.from(0, room.layers.size() - 1)).close();
      tally.count("closed/shared layers");
    }
  }

  /** Callers that looked before still use what was there; that is the point. */
  private <T> T swap(AtomicReferenceArray<T> rooms, T next) {
    return rooms.getAndSet(draw.from(0, rooms.length() - 1), next);
  }
}
