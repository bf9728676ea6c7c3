// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/**
 * Whether two tensors share a byte. Conservative: true wherever it cannot be excluded by comparing
 * ranges, or by comparing what lies inside a stride that both have in common (two parts of one
 * packed buffer, interleaved).
 */
final class Overlap {
  private Overlap() {}

  static boolean possible(Tensor a, Tensor b) {
    if (a.elements() == 0 || b.elements() == 0 || a.high <= b.low || b.high <= a.low) {
      return false;
    }
    return !interleaved(a, b, a) && !interleaved(a, b, b);
  }

  /** Whether some stride of {@code source} separates the two. */
  private static boolean interleaved(Tensor a, Tensor b, Tensor source) {
    for (int dim = 0; dim < source.rank(); dim++) {
      long period = Math.abs(source.stride(dim)) * source.dtype().bytes();
      if (period != 0 && source.size(dim) > 1 && disjointModulo(a, b, period)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Compares modulo {@code period} bytes. Every dimension either moves by whole periods, which
   * changes nothing, or counts into the extent that is repeated each period.
   */
  private static boolean disjointModulo(Tensor a, Tensor b, long period) {
    long extentA = innerExtent(a, period);
    long extentB = innerExtent(b, period);
    if (extentA > period || extentB > period) {
      return false;
    }
    // Distance from the beginning of a's repeated block to that of b's, going up.
    long distance = Math.floorMod(innerLow(b, period) - innerLow(a, period), period);
    return extentA <= distance && distance + extentB <= period;
  }

  private static long innerExtent(Tensor tensor, long period) {
    long bytes = tensor.dtype().bytes();
    long extent = bytes;
    for (int dim = 0; dim < tensor.rank(); dim++) {
      long stride = Math.abs(tensor.stride(dim)) * bytes;
      if (stride % period != 0) {
        extent += stride * (tensor.size(dim) - 1);
      }
    }
    return extent;
  }

  private static long innerLow(Tensor tensor, long period) {
    long low = tensor.address();
    for (int dim = 0; dim < tensor.rank(); dim++) {
      long stride = tensor.stride(dim) * tensor.dtype().bytes();
      if (stride < 0 && stride % period != 0) {
        low += stride * (tensor.size(dim) - 1);
      }
    }
    return low;
  }
}
