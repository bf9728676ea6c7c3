// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;
import java.util.Objects;

/**
 * Makes the I8 keys and values, with their scales, that {@link AttentionTensors} take. They need
 * little more than a quarter of the memory of F32, and decoding reads that much less of it.
 *
 * <p>It is plain Java on the calling thread, on host memory. It writes into tensors that exist, so
 * that each step of a generation fills its slice of a cache. Thread-safe.
 *
 * {@snippet :
 * // key (1, 2, 1, 64) of one token into keys (1, 2, 4096, 64) and keyScale (1, 2, 4096)
 * Quantization.symmetric(
 *     key, keys.slice(2, token, token + 1), keyScale.slice(2, token, token + 1));
 * }
 */
public final class Quantization {
  /** The largest quantised magnitude; -128 stays unused, so that both signs reach equally far. */
  private static final int LARGEST = 127;

  private Quantization() {}

  /**
   * (..., D) into {@code quantised} (..., D) and {@code scale} (...) or (..., G): symmetric, by the
   * largest magnitude of each of the G groups of D / G neighbours in a row, or of the whole row.
   *
   * <p>Element d becomes the integer nearest to source[d] / scale, ties to even, with scale =
   * largest magnitude / 127 of its group, as an f32; so quantised[d] * scale is off by at most half
   * a scale, and it is finite. To that end a scale among the smallest numbers, of which there is
   * none near the quotient, is rounded up, and one whose product with 127 would be infinite is
   * rounded down. The scale is 0 where all of a group is. A group with an element that is not
   * finite gets the scale NaN, so that the results show it.
   *
   * @param source F32, F16 or BF16, of rank 2 or more
   * @param quantised I8, written, of the source's shape
   * @param scale F32, written, of the source's shape less its last dimension, or with G in its
   *     place
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where the memory of one of them is closed
   * @throws WrongThreadException where an arena is confined to another thread
   * @throws UnsupportedOperationException for tensors on a device
   */
  public static void symmetric(Tensor source, Tensor quantised, Tensor scale) {
    Objects.requireNonNull(source, "source");
    Objects.requireNonNull(quantised, "quantised");
    Objects.requireNonNull(scale, "scale");
    check(source, quantised, scale);
    try {
      rows(source, quantised, scale);
    } catch (IllegalStateException closed) {
      IllegalStateException named = Checks.closedMeanwhile(closed, "scale", scale);
      named = Checks.closedMeanwhile(named, "quantised", quantised);
      throw Checks.closedMeanwhile(named, "source", source);
    }
  }

  private static void rows(Tensor source, Tensor quantised, Tensor scale) {
    int last = source.rank() - 1;
    boolean grouped = scale.rank() == source.rank();
    long groups = grouped ? scale.size(last) : 1;
    long width = source.size(last) / groups;
    long[] row = new long[source.rank()];
    long[] factor = new long[scale.rank()];
    for (long left = source.elements() / source.size(last); left > 0; left--) {
      System.arraycopy(row, 0, factor, 0, last);
      for (long group = 0; group < groups; group++) {
        row[last] = group * width;
        if (grouped) {
          factor[last] = group;
        }
        group(
            source,
            TensorElements.position(source, row),
            quantised,
            TensorElements.position(quantised, row),
            width,
            scale,
            TensorElements.position(scale, factor));
      }
      row[last] = 0;
      for (int dim = last - 1; dim >= 0 && ++row[dim] == source.size(dim); dim--) {
        row[dim] = 0;
      }
    }
  }

  /** Quantises {@code width} elements from the given positions on. */
  private static void group(
      Tensor source, long from, Tensor quantised, long to, long width, Tensor scale, long scaleAt) {
    long step = source.stride(source.rank() - 1);
    float largest = 0;
    for (long d = 0; d < width; d++) {
      largest =
          Math.max(
              largest, Math.abs(Elements.read(source.segment(), source.dtype(), from + d * step)));
    }
    float factor = scale(largest);
    Elements.write(scale.segment(), DType.F32, scaleAt, factor);
    long toStep = quantised.stride(quantised.rank() - 1);
    for (long d = 0; d < width; d++) {
      float value = Elements.read(source.segment(), source.dtype(), from + d * step);
      Elements.write(quantised.segment(), DType.I8, to + d * toStep, quantise(value, factor));
    }
  }

  /**
   * The f32 nearest to a 127th of the largest magnitude, or its neighbour where with that the
   * largest element would be out of reach: below 2^-126 the nearest f32 may be half of the
   * quotient, or 0, and at the other end a product that is half a unit too large is infinite.
   */
  private static float scale(float largest) {
    if (!Float.isFinite(largest)) {
      return Float.NaN;
    }
    float nearest = largest / LARGEST;
    if (Math.rint((double) largest / nearest) > LARGEST) {
      return Math.nextUp(nearest);
    }
    return Float.isFinite(nearest * LARGEST) ? nearest : Math.nextDown(nearest);
  }

  /** 0 where the scale is 0 or NaN. */
  private static float quantise(float value, float factor) {
    if (!(factor > 0)) {
      return 0;
    }
    return (float) Math.clamp(Math.rint((double) value / factor), -LARGEST, LARGEST);
  }

  private static void check(Tensor source, Tensor quantised, Tensor scale) {
    int last = source.rank() - 1;
    if (last < 1 || source.size(last) < 1) {
      throw new IllegalArgumentException(
          "source is " + source + "; allowed: rank 2 or more, with 1 element or more in a row");
    }
    Checks.numbers("source", source);
    Checks.rank("quantised", quantised, source.rank(), "as the source");
    Checks.outputOf("quantised", quantised, DType.I8);
    Checks.outputOf("scale", scale, DType.F32);
    Checks.size("quantised", quantised, last, source.size(last), "the source's size");
    if (scale.rank() != last) {
      Checks.rank("scale", scale, source.rank(), "as the source, or one less");
      long groups = scale.size(last);
      if (groups < 1 || source.size(last) % groups != 0) {
        throw new IllegalArgumentException(
            "scale is "
                + scale
                + " with "
                + groups
                + " groups; allowed: the divisors of "
                + source.size(last)
                + ", the elements of a row");
      }
    }
    for (int dim = 0; dim < last; dim++) {
      Checks.size("quantised", quantised, dim, source.size(dim), "the source's size");
      Checks.size("scale", scale, dim, source.size(dim), "the source's size");
    }
    Checks.disjoint("quantised", quantised, "source", source);
    Checks.disjoint("scale", scale, "source", source);
    Checks.disjoint("scale", scale, "quantised", quantised);
    TensorChecks.checkHost(source);
    TensorChecks.checkHost(quantised);
    TensorChecks.checkHost(scale);
  }
}
