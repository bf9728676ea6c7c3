// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The keys and values of one text, for every layer (capacity, kv heads, head dim) in F32: rows are
 * appended until it is full. Not thread-safe.
 */
final class ContiguousCache {
  /**
   * Views end at multiples of it, and hold rows that are not there yet; a causal call does not read
   * those. So they change every so many tokens only, and are the same whatever the capacity.
   */
  private static final int STEP = 256;

  private final int rowElements;
  private final long capacity;
  private final Tensor[] keys;
  private final Tensor[] values;
  private int length;

  /** Room for at least so many tokens. */
  ContiguousCache(Arena arena, LlamaConfig config, int tokens) {
    LlamaConfig.Heads heads = config.heads();
    rowElements = heads.kvCount() * heads.dim();
    capacity = (long) Math.ceilDiv(tokens, STEP) * STEP;
    keys = new Tensor[config.layers()];
    values = new Tensor[config.layers()];
    for (int layer = 0; layer < keys.length; layer++) {
      keys[layer] =
          Tensor.allocate(arena, DType.F32, 1, capacity, heads.kvCount(), heads.dim())
              .permute(0, 2, 1, 3);
      values[layer] =
          Tensor.allocate(arena, DType.F32, 1, capacity, heads.kvCount(), heads.dim())
              .permute(0, 2, 1, 3);
    }
  }

  /** What so many tokens take, for a message: more than 2^63 - 1 counts as that. */
  static long bytes(LlamaConfig config, int tokens) {
    LlamaConfig.Heads heads = config.heads();
    double row = 2.0 * config.layers() * heads.kvCount() * heads.dim() * Float.BYTES;
    return (long) (row * tokens);
  }

  /** Tokens that every layer has. */
  int length() {
    return length;
  }

  /** Writes the rows (tokens, kv heads * head dim) of the next tokens into a layer. */
  void append(int layer, Tensor key, Tensor value) {
    copy(key, keys[layer]);
    copy(value, values[layer]);
  }

  private void copy(Tensor rows, Tensor cache) {
    MemorySegment.copy(
        rows.segment(),
        0,
        cache.segment(),
        (long) length * rowElements * ValueLayout.JAVA_FLOAT.byteSize(),
        rows.elements() * ValueLayout.JAVA_FLOAT.byteSize());
  }

  /** Counts tokens that have been appended to every layer. */
  void advance(int tokens) {
    length += tokens;
  }

  /** The rows that a view needs for so many tokens more. */
  long viewLength(int tokens) {
    return Math.min(capacity, Math.ceilDiv((long) length + tokens, STEP) * STEP);
  }

  /** (1, kv heads, viewLength, head dim). */
  Tensor keys(int layer, long viewLength) {
    return keys[layer].slice(2, 0, viewLength);
  }

  /** (1, kv heads, viewLength, head dim). */
  Tensor values(int layer, long viewLength) {
    return values[layer].slice(2, 0, viewLength);
  }
}
