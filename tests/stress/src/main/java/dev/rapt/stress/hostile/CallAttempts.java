// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.Device;
import dev.rapt.Place;
import dev.rapt.stress.call.Draw;
import dev.rapt.stress.call.Layer;
import dev.rapt.stress.call.Placed;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Calls of operations, right but for one thing or two. */
final class CallAttempts {
  private static final int SOUND_ONE_IN = 16;
  private static final int TRIES = 100;

  private CallAttempts() {}

  /** Where a call runs. */
  private enum Venue {
    RIGHT,
    NOWHERE,
    CLOSED_DEVICE,
    CLOSED_LAYER,
    OTHER_DEVICE,
    ON_STREAM
  }

  static Attempt draw(Draw draw, World world, Arena arena) {
    Visit visit = new Visit(draw, world, arena);
    Device device = draw.any(world.open);
    if (draw.oneIn(SOUND_ONE_IN)) {
      return sound(visit, device);
    }
    List<Expect> expected = new ArrayList<>();
    List<String> faults = new ArrayList<>();
    Venue venue = draw.oneIn(5) ? draw.any(Venue.values()) : Venue.RIGHT;
    Expect displaced = expected(venue, visit);
    if (displaced != null) {
      expected.add(displaced);
      faults.add(venue.name());
    } else {
      venue = Venue.RIGHT;
    }
    boolean anywhere = spoil(visit, expected, faults, displaced == null || draw.oneIn(2));
    if (expected.isEmpty()) {
      return sound(visit, device);
    }
    Venue where = venue;
    boolean planned = draw.oneIn(4) && !anywhere;
    return new Attempt(
        visit.problem.operation(),
        faults,
        () -> call(visit, device, where, planned),
        expected,
        visit::written);
  }

  /** A call with nothing wrong, which gives the same when it is made again. */
  private static Attempt sound(Visit visit, Device device) {
    return new Attempt(
        visit.problem.operation(),
        List.of("NOTHING"),
        () -> call(visit, device, Venue.RIGHT, false),
        List.of(),
        () -> {
          long bits = visit.memory.hash();
          call(visit, device, Venue.RIGHT, true);
          call(visit, device, Venue.RIGHT, false);
          return visit.memory.hash() == bits ? null : "the same call gave other bits";
        });
  }

  /** Spoils a tensor, or two of them; whether one of the faults is seen by a run only. */
  private static boolean spoil(
      Visit visit, List<Expect> expected, List<String> faults, boolean needed) {
    boolean shape = false;
    boolean runOnly = false;
    int wanted = needed ? visit.draw.oneIn(4) ? 2 : 1 : 0;
    List<Placed> spoilt = new ArrayList<>();
    for (int tries = 0; spoilt.size() < wanted && tries < TRIES; tries++) {
      OperandFault fault = visit.draw.any(OperandFault.values());
      Placed of = visit.any(null);
      // A second fault must leave alone what an overlap has moved.
      boolean moved = !spoilt.isEmpty() && fault == OperandFault.OVERLAPPING;
      if (of == null || spoilt.contains(of) || moved || shape && fault.isOfShape()) {
        continue;
      }
      Expect expect = fault.spoil(visit, of);
      if (expect != null) {
        expected.add(expect);
        faults.add(fault.name());
        spoilt.add(of);
        shape |= fault.isOfShape();
        runOnly |= fault == OperandFault.OUTSIDE;
        wanted = fault == OperandFault.OVERLAPPING ? 1 : wanted;
      }
    }
    return runOnly;
  }

  private static @Nullable Expect expected(Venue venue, Visit visit) {
    boolean layered = visit.problem.hasWeights();
    return switch (venue) {
      case RIGHT -> null;
      case NOWHERE -> Expect.of(NullPointerException.class, "place");
      case CLOSED_DEVICE -> Expect.of(IllegalStateException.class, "device is closed");
      case CLOSED_LAYER ->
          layered
              ? Expect.of(IllegalStateException.class, "is closed").or("linear", "multi")
              : null;
      case OTHER_DEVICE -> layered ? Expect.illegal("place is another device") : null;
      case ON_STREAM -> {
        Expect elsewhere =
            layered
                ? Expect.illegal("place is a stream of another device")
                : Expect.illegal("in host memory", "allowed: memory of cuda:0");
        yield visit.world.stream == null ? null : elsewhere;
      }
    };
  }

  private static void call(Visit visit, Device device, Venue venue, boolean planned) {
    Place place =
        switch (venue) {
          case RIGHT, CLOSED_LAYER -> device;
          case NOWHERE -> null;
          case CLOSED_DEVICE -> visit.world.closed[device.name().equals("cpu") ? 0 : 1];
          case OTHER_DEVICE -> visit.world.open[device == visit.world.open[0] ? 1 : 0];
          case ON_STREAM -> visit.world.stream;
        };
    Device home = venue == Venue.CLOSED_DEVICE ? place.device() : device;
    Layer layer = visit.problem.on(home, visit.tensors);
    try {
      if (venue == Venue.CLOSED_LAYER) {
        layer.close();
      }
      if (planned) {
        layer.plan(place, visit.tensors);
      } else {
        layer.run(place, visit.tensors);
      }
    } finally {
      layer.close(); // once more, where it is closed: that is allowed
    }
  }
}
