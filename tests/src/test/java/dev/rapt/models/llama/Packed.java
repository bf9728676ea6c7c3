// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.gguf.GgufType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * Random weights as a file stores them, and the numbers they stand for. Blocks are made of numbers
 * and scales that are drawn, so that nothing here reads what the code under test has to read.
 *
 * @param bytes as they are stored
 * @param values row-major
 */
record Packed(byte[] bytes, float[] values) {
  /** Numbers of about -size to size. */
  static Packed draw(Random random, GgufType type, int elements, double size) {
    int blocks = elements / type.block();
    ByteBuffer bytes =
        ByteBuffer.allocate(blocks * type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
    float[] values = new float[elements];
    for (int block = 0; block < blocks; block++) {
      int first = block * type.block();
      switch (type) {
        case F32 -> bytes.putFloat(values[first] = (float) (random.nextDouble(-1, 1) * size));
        case F16 -> values[first] = half(bytes, random.nextDouble(-1, 1) * size);
        case BF16 -> {
          int bits = Float.floatToIntBits((float) (random.nextDouble(-1, 1) * size)) >>> 16;
          bytes.putShort((short) bits);
          values[first] = Float.intBitsToFloat(bits << 16);
        }
        case Q8_0 -> q8(random, bytes, values, first, size);
        case Q4_0 -> q4(random, bytes, values, first, size);
        case Q4_K -> q4k(random, bytes, values, first, size);
        case Q6_K -> q6k(random, bytes, values, first, size);
        default -> throw new IllegalArgumentException(type.toString());
      }
    }
    return new Packed(bytes.array(), values);
  }

  private static float half(ByteBuffer bytes, double value) {
    short bits = Float.floatToFloat16((float) value);
    bytes.putShort(bits);
    return Float.float16ToFloat(bits);
  }

  private static void q8(Random random, ByteBuffer bytes, float[] values, int first, double size) {
    float scale = half(bytes, size / 127);
    for (int i = 0; i < 32; i++) {
      int number = random.nextInt(-128, 128);
      bytes.put((byte) number);
      values[first + i] = scale * number;
    }
  }

  private static void q4(Random random, ByteBuffer bytes, float[] values, int first, double size) {
    float scale = half(bytes, size / 8);
    for (int i = 0; i < 16; i++) {
      int low = random.nextInt(16);
      int high = random.nextInt(16);
      bytes.put((byte) (low | high << 4));
      values[first + i] = scale * (low - 8);
      values[first + 16 + i] = scale * (high - 8);
    }
  }

  private static void q4k(Random random, ByteBuffer bytes, float[] values, int first, double size) {
    float scale = half(bytes, size / 15 / 32);
    float minimum = half(bytes, size / 64);
    int[] scales = random.ints(8, 0, 64).toArray();
    int[] minima = random.ints(8, 0, 64).toArray();
    byte[] packed = new byte[12];
    for (int i = 0; i < 4; i++) {
      packed[i] = (byte) (scales[i] | scales[i + 4] >> 4 << 6);
      packed[i + 4] = (byte) (minima[i] | minima[i + 4] >> 4 << 6);
      packed[i + 8] = (byte) (scales[i + 4] & 15 | (minima[i + 4] & 15) << 4);
    }
    bytes.put(packed);
    for (int pair = 0; pair < 4; pair++) {
      for (int i = 0; i < 32; i++) {
        int low = random.nextInt(16);
        int high = random.nextInt(16);
        bytes.put((byte) (low | high << 4));
        int at = first + pair * 64 + i;
        values[at] = scale * scales[2 * pair] * low - minimum * minima[2 * pair];
        values[at + 32] = scale * scales[2 * pair + 1] * high - minimum * minima[2 * pair + 1];
      }
    }
  }

  private static void q6k(Random random, ByteBuffer bytes, float[] values, int first, double size) {
    int start = bytes.position();
    int[] scales = random.ints(16, -128, 128).toArray();
    float scale = Float.float16ToFloat(Float.floatToFloat16((float) (size / 32 / 64)));
    for (int i = 0; i < 256; i++) {
      int number = random.nextInt(64);
      int half = i / 128;
      int quarter = i % 128 / 32;
      int low = start + half * 64 + i % 64 % 32 + (quarter % 2) * 32;
      int high = start + 128 + half * 32 + i % 32;
      bytes.put(low, (byte) (bytes.get(low) | (number & 15) << (quarter / 2) * 4));
      bytes.put(high, (byte) (bytes.get(high) | (number >> 4) << quarter * 2));
      values[first + i] = scale * scales[i / 16] * (number - 32);
    }
    for (int i = 0; i < 16; i++) {
      bytes.put(start + 192 + i, (byte) scales[i]);
    }
    bytes.position(start + 208);
    half(bytes, size / 32 / 64);
  }
}
