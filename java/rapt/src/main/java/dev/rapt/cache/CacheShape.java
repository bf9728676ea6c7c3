// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.DType;

/**
 * What a row, a layer and a page of a cache are made of.
 *
 * @param groups scales of a row of I8; 0 for any other type
 */
record CacheShape(
    int layers, int kvHeads, int keyDim, int valueDim, DType dtype, int groups, int pageSize) {

  boolean scaled() {
    return dtype == DType.I8;
  }

  long keyBytes() {
    return (long) keyDim * dtype.bytes();
  }

  long valueBytes() {
    return (long) valueDim * dtype.bytes();
  }

  /** Of the scales of one row. */
  long scaleBytes() {
    return (long) groups * Float.BYTES;
  }

  /** Of a page, all layers of it. */
  long pageBytes() {
    long rowBytes = keyBytes() + valueBytes() + 2 * scaleBytes();
    return Math.multiplyExact(
        Math.multiplyExact((long) layers * kvHeads, (long) pageSize), rowBytes);
  }

  /** How many pages so many tokens fill, the last one perhaps in part. */
  int pagesOf(long tokens) {
    return Math.toIntExact(Math.ceilDiv(tokens, (long) pageSize));
  }
}
