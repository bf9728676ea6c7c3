// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import dev.rapt.Device;
import dev.rapt.stress.call.Draw;
import dev.rapt.stress.call.Layer;
import dev.rapt.stress.call.Memory;
import dev.rapt.stress.call.Placed;
import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A thread that runs random cases, on shared devices and its own, in shared arenas and its own. A
 * call gives the bits that it gives alone, or the exception that the contract names for what
 * somebody else has closed.
 */
final class Caller implements Runnable {
  private static final Pattern CLOSED_ARENA =
      Pattern.compile("\\w+( weight| bias)? lies in an arena that is already closed");

  private static final int STALE_ONE_IN = 3;
  private static final int INTERRUPTED_ONE_IN = 50;

  /** A device of its own costs threads that start and end. */
  private static final int OWN_ONE_IN = 400;

  private final int number;
  private final Draw draw;
  private final House house;
  private final Tally tally;
  private final AtomicLongArray begun;
  private final BooleanSupplier ended;
  private @Nullable DeviceRoom lastDevice;
  private @Nullable ArenaRoom lastArena;

  /** {@code begun} tells the watchdog since when this caller is at its call; 0 = it is at none. */
  Caller(
      int number,
      Draw draw,
      House house,
      Tally tally,
      AtomicLongArray begun,
      BooleanSupplier ended) {
    this.number = number;
    this.draw = draw;
    this.house = house;
    this.tally = tally;
    this.begun = begun;
    this.ended = ended;
  }

  @Override
  public void run() {
    while (!ended.getAsBoolean()) {
      begun.set(number, System.nanoTime());
      try {
        boolean interrupted = draw.oneIn(INTERRUPTED_ONE_IN);
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
        call();
        if (interrupted && !Thread.interrupted()) {
          tally.failure("a call has swallowed an interruption");
        }
      } catch (RuntimeException | Error failure) {
        tally.failure("a caller failed: " + Failures.text(failure));
        return;
      } finally {
        begun.set(number, 0);
      }
      Thread.yield(); // else two virtual threads would keep two carriers for themselves
    }
  }

  /**
   * A room that is open or, now and then, the one that was used before, which somebody may have
   * closed meanwhile.
   */
  private DeviceRoom deviceRoom() {
    if (lastDevice == null || !draw.oneIn(STALE_ONE_IN)) {
      lastDevice = house.devices.get(draw.from(0, house.devices.length() - 1));
    }
    return lastDevice;
  }

  private ArenaRoom arenaRoom() {
    if (lastArena == null || !draw.oneIn(STALE_ONE_IN)) {
      lastArena = house.arenas.get(draw.from(0, house.arenas.length() - 1));
    }
    return lastArena;
  }

  /** What of a call others may close. */
  private static final class Shared {
    @Nullable DeviceRoom device;
    DeviceRoom.@Nullable SharedLayer layer;
    @Nullable ArenaRoom arena;

    /** Whether a call has returned, so that the outputs are written. */
    boolean ran;

    boolean deviceClosed() {
      return device != null && device.device.isClosed();
    }

    boolean layerClosed() {
      return layer != null && layer.closing;
    }

    boolean arenaClosed() {
      return arena != null && arena.closing;
    }
  }

  private void call() {
    Shared shared = new Shared();
    DeviceRoom room = deviceRoom();
    if (draw.oneIn(OWN_ONE_IN)) {
      int tier = draw.from(0, house.tiers.length - 1);
      try (Device own = house.tiers[tier].open(draw.from(1, 3))) {
        tally.count("devices/own");
        on(own, tier, shared);
      }
      return;
    }
    shared.device = room;
    tally.count("devices/shared");
    if (draw.oneIn(5) && !room.layers.isEmpty()) {
      shared.layer = room.layers.get(draw.from(0, room.layers.size() - 1));
      own(room.device, room.tier, shared.layer.of, shared.layer.of.memory(), shared);
      return;
    }
    on(room.device, room.tier, shared);
  }

  private void on(Device device, int tier, Shared shared) {
    if (draw.oneIn(2)) {
      ArenaRoom arena = arenaRoom();
      ArenaRoom.Guest guest = arena.guests.get(draw.from(0, arena.guests.size() - 1));
      shared.arena = arena;
      own(device, tier, guest.of(), guest.memory(), shared);
    } else {
      Case any = house.cases.get(draw.from(0, house.cases.size() - 1));
      own(device, tier, any, any.memory(), shared);
    }
  }

  /** In memory of its own: all of the tensors or the outputs, in an arena of some kind. */
  private void own(Device device, int tier, Case of, Memory memory, Shared shared) {
    long expected = of.bits()[tier];
    if (expected == Case.LEFT_OUT) {
      tally.count("left out/too long for this tier");
      return;
    }
    try (Arena arena = draw.oneIn(8) ? Arena.ofShared() : Arena.ofConfined()) {
      Memory own;
      try {
        own = place(memory, arena, shared);
      } catch (IllegalStateException closed) {
        expect(shared.arenaClosed(), "placing " + of.number(), closed);
        tally.count("left out/arena closed before the call");
        return;
      }
      compute(device, of, own, shared);
      long bits;
      try {
        bits = own.hash();
      } catch (IllegalStateException closed) {
        expect(shared.arenaClosed(), "reading " + of.number(), closed);
        tally.count("left out/arena closed before its bits were compared");
        return;
      }
      judge(of, tier, expected, own, bits);
    } catch (Refused refused) {
      tally.count("refused/" + refused.getMessage());
    }
  }

  private Memory place(Memory memory, Arena arena, Shared shared) {
    ArenaRoom room = shared.arena;
    if (room == null) {
      return draw.oneIn(2) ? memory.withOutputs(arena) : memory.copy(arena, arena);
    }
    return memory.withOutputs(draw.oneIn(4) && room.takesOutputs() ? room.arena : arena);
  }

  /** A call that threw what it may throw. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refused(String kind) {
      super(kind, null, false, false);
    }
  }

  private void compute(Device device, Case of, Memory own, Shared shared) {
    tally.count("operations/" + of.problem().operation());
    try {
      if (shared.layer != null) {
        compute(shared.layer.layer, device, own, shared);
      } else {
        try (Layer layer = layer(device, of, own, shared)) {
          compute(layer, device, own, shared);
        }
      }
    } catch (IllegalStateException closed) {
      if (!shared.ran && device.isa().isPresent() && own.isWritten()) {
        tally.failure("case " + of.number() + " was refused and has written: " + closed);
      }
      throw refused(closed, of, shared);
    } finally {
      tally.call();
    }
  }

  /** Made of weights in the shared arena too, so that it may be closed while they are packed. */
  private static Layer layer(Device device, Case of, Memory own, Shared shared) {
    boolean fromArena = shared.arena != null && shared.arena.layersToo;
    return of.problem().on(device, (fromArena ? own : of.memory()).tensors());
  }

  private void compute(Layer layer, Device device, Memory own, Shared shared) {
    if (draw.oneIn(8)) {
      String name = layer.plan(device, own.tensors()).name();
      layer.run(device, own.tensors());
      shared.ran = true;
      String again = layer.plan(device, own.tensors()).name();
      if (!again.equals(name)) {
        tally.failure("the plan was " + name + " and is " + again);
      }
    } else {
      layer.run(device, own.tensors());
      shared.ran = true;
    }
    if (draw.oneIn(8)) {
      layer.run(device, own.tensors());
    }
  }

  private Refused refused(IllegalStateException closed, Case of, Shared shared) {
    String message = String.valueOf(closed.getMessage());
    if (message.equals("device is closed")) {
      expect(shared.deviceClosed(), "case " + of.number(), closed);
      return new Refused(message);
    }
    if (message.equals("linear is closed") || message.equals("multi-head attention is closed")) {
      expect(shared.layerClosed(), "case " + of.number(), closed);
      return new Refused(message);
    }
    boolean arena = CLOSED_ARENA.matcher(message).matches();
    expect(arena && shared.arenaClosed(), "case " + of.number(), closed);
    return new Refused("... lies in an arena that is already closed");
  }

  private void expect(boolean allowed, String what, IllegalStateException thrown) {
    if (!allowed) {
      tally.failure(what + ": unexpected " + Failures.text(thrown));
    }
  }

  private void judge(Case of, int tier, long expected, Memory own, long bits) {
    String tierName = house.tiers[tier].name();
    if (bits != expected) {
      tally.failure(
          "case "
              + of.number()
              + " ("
              + of.problem().operation()
              + ", "
              + tierName
              + ") has other bits than alone: "
              + own.tensors());
      return;
    }
    long bytes = 0;
    for (Placed one : own.placed()) {
      bytes += one.slot().written() ? one.memory().byteSize() : 0;
    }
    tally.same(bytes);
    tally.count("tiers/" + tierName);
  }
}
