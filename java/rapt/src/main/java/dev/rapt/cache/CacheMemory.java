// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.internal.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of all pages. A layer's keys are one plane, (pages, kv heads, page size, dim), its
 * values another, and so are the scales of either. So the pages of one text that are neighbours in
 * the pool are neighbours in each plane, too, which spares the processor's address tables.
 */
final class CacheMemory {
  private static final long ALIGNMENT = 64;

  /**
   * Rows of one kind in one layer.
   *
   * @param base its first byte
   * @param rowBytes of one row of one head
   */
  record Plane(long base, long rowBytes) {}

  private final CacheShape shape;
  private final int pages;
  private final MemorySegment segment;
  private final Plane[] planes;
  private final Tensor[] keys;
  private final Tensor[] values;
  private final Tensor[] keyScales;
  private final Tensor[] valueScales;

  CacheMemory(Arena arena, CacheShape shape, int pages) {
    this.shape = shape;
    this.pages = pages;
    List<Plane> all = new ArrayList<>();
    long bytes = 0;
    for (int layer = 0; layer < shape.layers(); layer++) {
      bytes = plane(all, bytes, shape.keyBytes());
      bytes = plane(all, bytes, shape.valueBytes());
      if (shape.scaled()) {
        bytes = plane(all, bytes, shape.scaleBytes());
        bytes = plane(all, bytes, shape.scaleBytes());
      }
    }
    planes = all.toArray(Plane[]::new);
    segment = LargeMemory.allocate(arena, bytes, ALIGNMENT);
    int kinds = planes.length / shape.layers();
    keys = tensors(0, kinds, shape.dtype(), shape.keyDim());
    values = tensors(1, kinds, shape.dtype(), shape.valueDim());
    keyScales = shape.scaled() ? tensors(2, kinds, DType.F32, shape.groups()) : new Tensor[0];
    valueScales = shape.scaled() ? tensors(3, kinds, DType.F32, shape.groups()) : new Tensor[0];
  }

  private long plane(List<Plane> all, long base, long rowBytes) {
    all.add(new Plane(base, rowBytes));
    long bytes =
        Math.multiplyExact(
            Math.multiplyExact((long) pages, (long) shape.kvHeads() * shape.pageSize()), rowBytes);
    return Math.addExact(base, Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT);
  }

  private Tensor[] tensors(int kind, int kinds, DType dtype, int width) {
    Tensor[] tensors = new Tensor[shape.layers()];
    for (int layer = 0; layer < tensors.length; layer++) {
      MemorySegment plane = segment.asSlice(planes[layer * kinds + kind].base());
      tensors[layer] = Tensor.of(plane, dtype, pages, shape.kvHeads(), shape.pageSize(), width);
    }
    return tensors;
  }

  Tensor keys(int layer) {
    return keys[layer];
  }

  Tensor values(int layer) {
    return values[layer];
  }

  Tensor keyScales(int layer) {
    return keyScales[layer];
  }

  Tensor valueScales(int layer) {
    return valueScales[layer];
  }

  /** All planes, layer by layer: keys, values, and the scales of both where there are any. */
  Plane[] planes() {
    return planes;
  }

  /** Some neighbouring rows of one head and page. */
  MemorySegment rows(Plane plane, int page, int head, int rows) {
    long first = ((long) page * shape.kvHeads() + head) * shape.pageSize();
    return segment.asSlice(plane.base() + first * plane.rowBytes(), rows * plane.rowBytes());
  }

  /** Copies a page, all of it: rows that are not in use are nobody's, and cost less than a loop. */
  void copyPage(int from, int to) {
    long rows = (long) shape.kvHeads() * shape.pageSize();
    for (Plane plane : planes) {
      long bytes = rows * plane.rowBytes();
      MemorySegment.copy(
          segment, plane.base() + from * bytes, segment, plane.base() + to * bytes, bytes);
    }
  }
}
