// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Query, key, value and output of a shape, off-heap, from fixed seeds. */
final class Operands {
  private static final long ALIGNMENT = 64;

  final MemorySegment query;
  final MemorySegment key;
  final MemorySegment value;
  final MemorySegment output;

  Operands(Arena arena, Shape shape) {
    query = random(arena, 1, shape.queryShape());
    key = random(arena, 2, shape.keyShape());
    value = random(arena, 3, shape.keyShape());
    output = arena.allocate(query.byteSize(), ALIGNMENT);
  }

  private static MemorySegment random(Arena arena, long seed, long[] shape) {
    long elements = 1;
    for (long size : shape) {
      elements *= size;
    }
    MemorySegment segment = arena.allocate(elements * Float.BYTES, ALIGNMENT);
    Random random = new Random(seed);
    for (long i = 0; i < elements; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return segment;
  }
}
