// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Lifetime;
import dev.rapt.internal.call.CallFrame;

/**
 * What an operation owns on one device: calls hold it open, and closing it waits for them and for
 * the work on streams that uses it.
 */
final class Weights {
  private final Device device;
  private final Lifetime lifetime;
  private final PendingWork pending = new PendingWork();

  Weights(Device device, String what) {
    this.device = device;
    lifetime = new Lifetime(what);
  }

  Device device() {
    return device;
  }

  /** Runs a call where the weights are. */
  void run(Place place, CallFrame call) {
    check(place);
    lifetime.enter();
    try {
      place.run(call);
    } finally {
      lifetime.exit();
    }
  }

  /** What {@link #run} would do. */
  Plan plan(Place place, CallFrame call) {
    check(place);
    lifetime.enter();
    try {
      return place.plan(call);
    } finally {
      lifetime.exit();
    }
  }

  private void check(Place place) {
    if (place.device() != device) {
      throw new IllegalArgumentException(
          "place is "
              + (place instanceof CudaStream ? "a stream of " : "")
              + "another device, "
              + place.device().name()
              + "; allowed: the device of the weights, "
              + device.name()
              + ", or a stream of it");
    }
    place.note(pending);
  }

  /** Waits for running calls and enqueued work, then frees what is owned. Idempotent. */
  void close(Runnable free) {
    lifetime.close(
        () -> {
          pending.await();
          free.run();
        });
  }
}
