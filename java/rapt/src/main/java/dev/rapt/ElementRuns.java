// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Elements;
import java.lang.foreign.MemorySegment;

/**
 * Elements that lie a step apart, to and from the beginning of a Java array of numbers. One loop
 * for each type, so that none asks for the type of each element.
 */
final class ElementRuns {
  private ElementRuns() {}

  /** Floating-point elements. */
  static void read(
      MemorySegment segment, DType dtype, long at, long step, float[] values, int count) {
    switch (dtype) {
      case F32 -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.read(segment, DType.F32, at + i * step);
        }
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.read(segment, DType.F16, at + i * step);
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.read(segment, DType.BF16, at + i * step);
        }
      }
      default -> throw new IllegalArgumentException(dtype + " elements are no floats");
    }
  }

  /** Integer elements, and BOOL ones as 1 and 0. */
  static void read(
      MemorySegment segment, DType dtype, long at, long step, long[] values, int count) {
    switch (dtype) {
      case BOOL -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.readLong(segment, DType.BOOL, at + i * step);
        }
      }
      case I8 -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.readLong(segment, DType.I8, at + i * step);
        }
      }
      case I32 -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.readLong(segment, DType.I32, at + i * step);
        }
      }
      case I64 -> {
        for (int i = 0; i < count; i++) {
          values[i] = Elements.readLong(segment, DType.I64, at + i * step);
        }
      }
      default -> throw new IllegalArgumentException(dtype + " elements are no integers");
    }
  }

  /** Floating-point elements, rounded to nearest even. */
  static void write(
      MemorySegment segment, DType dtype, long at, long step, float[] values, int count) {
    switch (dtype) {
      case F32 -> {
        for (int i = 0; i < count; i++) {
          Elements.write(segment, DType.F32, at + i * step, values[i]);
        }
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          Elements.write(segment, DType.F16, at + i * step, values[i]);
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          Elements.write(segment, DType.BF16, at + i * step, values[i]);
        }
      }
      default -> throw new IllegalArgumentException(dtype + " elements are no floats");
    }
  }

  /** Integer elements, and BOOL ones. */
  static void write(
      MemorySegment segment, DType dtype, long at, long step, long[] values, int count) {
    switch (dtype) {
      case BOOL -> {
        for (int i = 0; i < count; i++) {
          Elements.writeLong(segment, DType.BOOL, at + i * step, values[i]);
        }
      }
      case I8 -> {
        for (int i = 0; i < count; i++) {
          Elements.writeLong(segment, DType.I8, at + i * step, values[i]);
        }
      }
      case I32 -> {
        for (int i = 0; i < count; i++) {
          Elements.writeLong(segment, DType.I32, at + i * step, values[i]);
        }
      }
      case I64 -> {
        for (int i = 0; i < count; i++) {
          Elements.writeLong(segment, DType.I64, at + i * step, values[i]);
        }
      }
      default -> throw new IllegalArgumentException(dtype + " elements are no integers");
    }
  }
}
