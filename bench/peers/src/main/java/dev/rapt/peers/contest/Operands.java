// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * The inputs of a shape, off-heap: equal values for every contender and in every process, since
 * they come from fixed seeds and are rounded to the storage type once.
 */
final class Operands {
  /** Several times any last-level cache, so that decoding reads its keys from memory. */
  private static final long COLD_BYTES = 256L << 20;

  private static final int CHUNK = 1 << 16;

  final Shape shape;
  final DType dtype;

  /** (B, Hq, Sq, D); of a layer the input (B, S, E). */
  final Tensor query;

  /** (B, Hkv, Skv, D) each, all alike; empty for a layer. */
  final List<Tensor> keys = new ArrayList<>();

  /** As {@link #keys}. */
  final List<Tensor> values = new ArrayList<>();

  /** Of a layer, else null: (3 E, E), (3 E), (E, E), (E), as torch.nn.Linear stores them. */
  final Tensor inWeight;

  final Tensor inBias;
  final Tensor outWeight;
  final Tensor outBias;

  Operands(Arena arena, Shape shape, DType dtype) {
    this.shape = shape;
    this.dtype = dtype;
    if (shape.projected()) {
      long width = shape.width();
      query = random(arena, 1, 1, shape.batch(), shape.queryLen(), width);
      // Keeps the projected rows at the scale of the input.
      double scale = 1 / Math.sqrt(width);
      inWeight = random(arena, 2, scale, 3 * width, width);
      inBias = random(arena, 3, 1, 3 * width);
      outWeight = random(arena, 4, scale, width, width);
      outBias = random(arena, 5, 1, width);
    } else {
      query = random(arena, 1, 1, shape.queryShape());
      keys.add(random(arena, 2, 1, shape.keyShape()));
      values.add(random(arena, 3, 1, shape.keyShape()));
      inWeight = null;
      inBias = null;
      outWeight = null;
      outBias = null;
      for (int copy = 1; copy < coldCopies(); copy++) {
        keys.add(copyOf(arena, keys.getFirst()));
        values.add(copyOf(arena, values.getFirst()));
      }
    }
  }

  /** How many copies of keys and values a contender walks through. */
  int copies() {
    return Math.max(1, keys.size());
  }

  private long coldCopies() {
    long one = 2 * keys.getFirst().segment().byteSize();
    return shape.decodes() ? Math.ceilDiv(COLD_BYTES, one) : 1;
  }

  private Tensor random(Arena arena, long seed, double scale, long... sizes) {
    // Fast, and the same on every machine.
    RandomGenerator generator = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    long elements = 1;
    for (long size : sizes) {
      elements *= size;
    }
    MemorySegment memory = Memory.take(arena, elements * dtype.bytes());
    for (long begin = 0; begin < elements; begin += CHUNK) {
      float[] chunk = new float[(int) Math.min(CHUNK, elements - begin)];
      for (int i = 0; i < chunk.length; i++) {
        chunk[i] = (float) (scale * generator.nextGaussian());
      }
      Tensor.of(memory.asSlice(begin * dtype.bytes()), dtype, chunk.length).copyFrom(chunk);
    }
    return Tensor.of(memory, dtype, sizes);
  }

  private static Tensor copyOf(Arena arena, Tensor tensor) {
    MemorySegment memory = Memory.take(arena, tensor.segment().byteSize());
    memory.copyFrom(tensor.segment());
    return Tensor.of(memory, tensor.dtype(), tensor.shape());
  }

  /** (B, S, H, D) in memory of its own: a copy of a (B, H, S, D) tensor. */
  static Tensor sequenceMajor(Arena arena, Tensor tensor) {
    long[] sizes = tensor.shape();
    long row = sizes[3] * tensor.dtype().bytes();
    MemorySegment memory = Memory.take(arena, tensor.segment().byteSize());
    for (long batch = 0; batch < sizes[0]; batch++) {
      for (long head = 0; head < sizes[1]; head++) {
        for (long token = 0; token < sizes[2]; token++) {
          long from = (batch * sizes[1] + head) * sizes[2] + token;
          long to = (batch * sizes[2] + token) * sizes[1] + head;
          MemorySegment.copy(tensor.segment(), from * row, memory, to * row, row);
        }
      }
    }
    return Tensor.of(memory, tensor.dtype(), sizes[0], sizes[2], sizes[1], sizes[3]);
  }
}
