// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;

/**
 * Copies elements into another type, a chunk at a time by way of f32 or long, of which one holds
 * every element of the source. Floating-point targets are rounded to nearest even, once; integer
 * ones take what they can hold exactly; BOOL is 1 or 0, and true for everything but 0.
 */
final class Conversion {
  /** Numbers of a chunk: some KiB, which stay in the first-level cache. */
  private static final int CHUNK = 512;

  private final String name;
  private final Strided source;
  private final Strided target;
  private final long[] shape;
  private final PairedRuns runs;
  private final float[] floats = new float[CHUNK];
  private final long[] longs = new long[CHUNK];

  private Conversion(String name, Strided source, Strided target, long[] shape) {
    this.name = name;
    this.source = source;
    this.target = target;
    this.shape = shape;
    runs = new PairedRuns(shape, source.strides(), target.strides());
  }

  /**
   * Between layouts of one shape, 1 element or more, that do not overlap. Nothing is written where
   * an element does not fit.
   *
   * @param name what an error calls the source
   */
  static void copy(String name, Strided source, Strided target, long[] shape) {
    Conversion conversion = new Conversion(name, source, target, shape);
    if (mayMisfit(source.dtype(), target.dtype())) {
      conversion.runs.each(conversion::check);
    }
    conversion.runs.each(conversion::convert);
  }

  private static boolean mayMisfit(DType source, DType target) {
    return target.isInteger()
        && (source.isFloating() || source.isInteger() && source.bytes() > target.bytes());
  }

  private void check(long first, long from, long to) {
    for (long done = 0; done < runs.length(); done += CHUNK) {
      int count = read(from, done);
      for (int i = 0; i < count; i++) {
        boolean fits =
            source.dtype().isFloating()
                ? Elements.fits(floats[i], target.dtype())
                : Elements.fits(longs[i], target.dtype());
        if (!fits) {
          throw misfit(first + done + i, i);
        }
      }
    }
  }

  private IllegalArgumentException misfit(long element, int i) {
    return new IllegalArgumentException(
        name
            + " is "
            + (source.dtype().isFloating() ? Float.toString(floats[i]) : Long.toString(longs[i]))
            + " at index "
            + Layout.text(Layout.index(element, shape))
            + Elements.allowed(target.dtype()));
  }

  private void convert(long first, long from, long to) {
    for (long done = 0; done < runs.length(); done += CHUNK) {
      int count = read(from, done);
      cross(count);
      long at = target.offset() + to + done * runs.toStep();
      if (target.dtype().isFloating()) {
        ElementRuns.write(target.segment(), target.dtype(), at, runs.toStep(), floats, count);
      } else {
        ElementRuns.write(target.segment(), target.dtype(), at, runs.toStep(), longs, count);
      }
    }
  }

  /** Reads the chunk that begins {@code done} elements into a run. */
  private int read(long from, long done) {
    int count = (int) Math.min(CHUNK, runs.length() - done);
    long at = source.offset() + from + done * runs.fromStep();
    if (source.dtype().isFloating()) {
      ElementRuns.read(source.segment(), source.dtype(), at, runs.fromStep(), floats, count);
    } else {
      ElementRuns.read(source.segment(), source.dtype(), at, runs.fromStep(), longs, count);
    }
    return count;
  }

  /** From the kind of number that the source has to the target's. */
  private void cross(int count) {
    boolean fromFloats = source.dtype().isFloating();
    if (fromFloats && target.dtype() == DType.BOOL) {
      for (int i = 0; i < count; i++) {
        longs[i] = floats[i] != 0 ? 1 : 0;
      }
    } else if (fromFloats && !target.dtype().isFloating()) {
      for (int i = 0; i < count; i++) {
        longs[i] = (long) floats[i];
      }
    } else if (!fromFloats && target.dtype().isFloating()) {
      for (int i = 0; i < count; i++) {
        floats[i] = Elements.toFloat(longs[i], target.dtype());
      }
    }
  }
}
