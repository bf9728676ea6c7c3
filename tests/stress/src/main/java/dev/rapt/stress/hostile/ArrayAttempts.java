// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.hostile;

import dev.rapt.Attention;
import dev.rapt.Device;
import dev.rapt.stress.call.Draw;
import java.util.Arrays;

/** Attention over Java arrays whose lengths, shapes and places do not go together. */
final class ArrayAttempts {
  private static final String[] NAMES = {"query", "key", "value"};
  private static final Attention ATTENTION = Attention.builder().build();

  private ArrayAttempts() {}

  private static final String KIND = "arrays";

  /** What is wrong. */
  private enum Fault {
    NOTHING,
    LENGTH,
    RANK,
    NEGATIVE_SIZE,
    PRODUCT,
    OTHER_SIZE,
    NO_DATA,
    NO_SHAPE,
    CLOSED_DEVICE,
    NO_DEVICE
  }

  static Attempt draw(Draw draw, World world) {
    Fault fault = draw.any(Fault.values());
    long keys = draw.from(1L, 5L);
    long[][] shapes = {{1, 2, draw.from(1L, 5L), 4}, {1, 2, keys, 4}, {1, 2, keys, 4}};
    float[][] data = new float[NAMES.length][];
    Arrays.setAll(data, i -> new float[(int) (2 * shapes[i][2] * 4)]);
    int which = draw.from(0, NAMES.length - 1);
    Device device =
        switch (fault) {
          case CLOSED_DEVICE -> draw.any(world.closed);
          case NO_DEVICE -> null;
          default -> draw.any(world.open);
        };
    Expect expect = spoil(fault, which, draw, shapes, data);
    Runnable call =
        () -> ATTENTION.run(device, data[0], shapes[0], data[1], shapes[1], data[2], shapes[2]);
    return expect == null ? new Attempt(KIND, fault, call) : new Attempt(KIND, fault, call, expect);
  }

  private static Expect spoil(Fault fault, int which, Draw draw, long[][] shapes, float[][] data) {
    String name = NAMES[which];
    return switch (fault) {
      case NOTHING -> null;
      case LENGTH -> {
        data[which] = new float[data[which].length + draw.from(1, 3)];
        yield Expect.illegal(name + ": data has " + data[which].length);
      }
      case RANK -> {
        shapes[which] = new long[draw.oneIn(2) ? 0 : 9];
        yield Expect.illegal(name + ": shape", "rank " + shapes[which].length);
      }
      case NEGATIVE_SIZE -> {
        long size = draw.any(-1L, Long.MIN_VALUE);
        shapes[which][draw.from(0, 3)] = size;
        yield Expect.illegal(name + ": shape", "size " + size);
      }
      case PRODUCT -> {
        shapes[which] = new long[] {1L << 40, 1L << 40};
        yield Expect.illegal(name + ": shape", "2^63 - 1 elements");
      }
      case OTHER_SIZE -> {
        shapes[which][1] = 3; // heads, which then fit no other tensor's
        data[which] = new float[(int) (3 * shapes[which][2] * 4)];
        yield Expect.illegal(name).or("(1, 3, ", "3 heads", "key 3", "allowed: 3");
      }
      case NO_DATA -> {
        data[which] = null;
        yield Expect.of(NullPointerException.class, name);
      }
      case NO_SHAPE -> {
        shapes[which] = null;
        yield Expect.of(NullPointerException.class, name + "Shape");
      }
      case CLOSED_DEVICE -> Expect.of(IllegalStateException.class, "device is closed");
      case NO_DEVICE -> Expect.of(NullPointerException.class, "device");
    };
  }
}
