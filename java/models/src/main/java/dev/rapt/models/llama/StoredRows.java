// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Rows of a file's tensor as floats, whatever type they are stored in. Immutable, thread-safe. */
final class StoredRows {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Makes floats of one block. */
  private interface Blocks {
    void read(MemorySegment from, long at, float[] to, int first);
  }

  private final GgufTensor tensor;
  private final MemorySegment segment;
  private final int columns;
  private final Blocks blocks;

  private StoredRows(GgufTensor tensor, Blocks blocks) {
    this.tensor = tensor;
    segment = tensor.segment();
    columns = (int) tensor.columns();
    this.blocks = blocks;
  }

  /**
   * The rows of a tensor, of less than 2³¹ columns.
   *
   * @throws GgufException where it is of a type that is not supported
   */
  static StoredRows of(GgufTensor tensor) throws GgufException {
    Blocks blocks =
        switch (tensor.type()) {
          case F32 -> (from, at, to, first) -> to[first] = from.get(FLOAT, at);
          case F16 -> (from, at, to, first) -> to[first] = half(from, at);
          case BF16 ->
              (from, at, to, first) -> to[first] = Float.intBitsToFloat(from.get(SHORT, at) << 16);
          case Q8_0 -> StoredRows::q8;
          case Q4_0 -> StoredRows::q4;
          case Q4_K -> StoredRows::q4k;
          case Q6_K -> StoredRows::q6k;
          default ->
              throw new GgufException(
                  tensor
                      + " is of a type that is not supported; allowed: F32, F16, BF16, Q8_0, Q4_0,"
                      + " Q4_K, Q6_K");
        };
    return new StoredRows(tensor, blocks);
  }

  /** Fills in a row's numbers. */
  void read(long row, float[] to) {
    int block = tensor.type().block();
    long at = row * tensor.rowBytes();
    for (int first = 0; first < columns; first += block) {
      blocks.read(segment, at, to, first);
      at += tensor.type().blockBytes();
    }
  }

  private static float half(MemorySegment from, long at) {
    return Float.float16ToFloat(from.get(SHORT, at));
  }

  private static int unsigned(MemorySegment from, long at) {
    return from.get(ValueLayout.JAVA_BYTE, at) & 0xff;
  }

  private static void q8(MemorySegment from, long at, float[] to, int first) {
    float scale = half(from, at);
    for (int i = 0; i < 32; i++) {
      to[first + i] = scale * from.get(ValueLayout.JAVA_BYTE, at + 2 + i);
    }
  }

  private static void q4(MemorySegment from, long at, float[] to, int first) {
    float scale = half(from, at);
    for (int i = 0; i < 16; i++) {
      int two = unsigned(from, at + 2 + i);
      to[first + i] = scale * ((two & 15) - 8);
      to[first + 16 + i] = scale * ((two >> 4) - 8);
    }
  }

  /**
   * 256 numbers: scale and minimum (F16), 8 smaller scales and 8 minima of 6 bits in 12 bytes, and
   * 4 bits for each number, 64 numbers in 32 bytes.
   */
  private static void q4k(MemorySegment from, long at, float[] to, int first) {
    float scale = half(from, at);
    float minimum = half(from, at + 2);
    long packed = at + 4;
    long numbers = at + 16;
    for (int group = 0; group < 8; group++) {
      float groupScale = scale * q4kScale(from, packed, group);
      float groupMinimum = minimum * q4kMinimum(from, packed, group);
      int shift = group % 2 * 4;
      for (int i = 0; i < 32; i++) {
        int number = unsigned(from, numbers + group / 2 * 32 + i) >> shift & 15;
        to[first + group * 32 + i] = groupScale * number - groupMinimum;
      }
    }
  }

  /** The upper bits of the last four lie above those of the first four. */
  private static int q4kScale(MemorySegment from, long packed, int group) {
    return group < 4
        ? unsigned(from, packed + group) & 63
        : unsigned(from, packed + 4 + group) & 15 | unsigned(from, packed + group - 4) >> 6 << 4;
  }

  private static int q4kMinimum(MemorySegment from, long packed, int group) {
    return group < 4
        ? unsigned(from, packed + 4 + group) & 63
        : unsigned(from, packed + 4 + group) >> 4 | unsigned(from, packed + group) >> 6 << 4;
  }

  /**
   * 256 numbers: 4 low bits of each in 128 bytes, 2 high bits in 64, 16 signed scales, and a scale
   * (F16) for all.
   */
  private static void q6k(MemorySegment from, long at, float[] to, int first) {
    float scale = half(from, at + 208);
    for (int half = 0; half < 2; half++) {
      long low = at + half * 64;
      long high = at + 128 + half * 32;
      long scales = at + 192 + half * 8;
      for (int quarter = 0; quarter < 4; quarter++) {
        for (int i = 0; i < 32; i++) {
          int lower = unsigned(from, low + quarter % 2 * 32 + i) >> quarter / 2 * 4 & 15;
          int upper = unsigned(from, high + i) >> quarter * 2 & 3;
          float groupScale = scale * from.get(ValueLayout.JAVA_BYTE, scales + quarter * 2 + i / 16);
          to[first + half * 128 + quarter * 32 + i] = groupScale * ((upper << 4 | lower) - 32);
        }
      }
    }
  }
}
