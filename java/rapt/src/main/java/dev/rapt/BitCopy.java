// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies elements as the bits that they are. */
final class BitCopy {
  private BitCopy() {}

  /** Between layouts of one type and shape, 1 element or more, that do not overlap. */
  static void copy(Strided source, Strided target, long[] shape) {
    PairedRuns runs = new PairedRuns(shape, source.strides(), target.strides());
    int bytes = target.dtype().bytes();
    long count = runs.length();
    long fromStep = runs.fromStep();
    long toStep = runs.toStep();
    runs.each(
        (first, fromOffset, toOffset) -> {
          long from = source.offset() + fromOffset;
          long to = target.offset() + toOffset;
          if (toStep == 1 && fromStep == 1) {
            MemorySegment.copy(
                source.segment(), from * bytes, target.segment(), to * bytes, count * bytes);
          } else if (toStep == 1 && fromStep == 0) {
            repeat(source.segment(), from * bytes, target.segment(), to * bytes, bytes, count);
          } else {
            strided(source.segment(), from, fromStep, target.segment(), to, toStep, bytes, count);
          }
        });
  }

  /**
   * One element into a row: copies what is already there behind itself, twice as much each time.
   */
  private static void repeat(
      MemorySegment from, long fromByte, MemorySegment to, long toByte, int bytes, long count) {
    long total = count * bytes;
    MemorySegment.copy(from, fromByte, to, toByte, bytes);
    for (long done = bytes; done < total; done += Math.min(done, total - done)) {
      MemorySegment.copy(to, toByte, to, toByte + done, Math.min(done, total - done));
    }
  }

  private static void strided(
      MemorySegment source,
      long from,
      long fromStep,
      MemorySegment target,
      long to,
      long toStep,
      int bytes,
      long count) {
    long fromByte = from * bytes;
    long toByte = to * bytes;
    long fromBytes = fromStep * bytes;
    long toBytes = toStep * bytes;
    switch (bytes) {
      case 1 -> {
        for (long i = 0; i < count; i++, fromByte += fromBytes, toByte += toBytes) {
          target.set(ValueLayout.JAVA_BYTE, toByte, source.get(ValueLayout.JAVA_BYTE, fromByte));
        }
      }
      case 2 -> {
        for (long i = 0; i < count; i++, fromByte += fromBytes, toByte += toBytes) {
          target.set(ValueLayout.JAVA_SHORT, toByte, source.get(ValueLayout.JAVA_SHORT, fromByte));
        }
      }
      case 4 -> {
        for (long i = 0; i < count; i++, fromByte += fromBytes, toByte += toBytes) {
          target.set(ValueLayout.JAVA_INT, toByte, source.get(ValueLayout.JAVA_INT, fromByte));
        }
      }
      default -> {
        for (long i = 0; i < count; i++, fromByte += fromBytes, toByte += toBytes) {
          target.set(ValueLayout.JAVA_LONG, toByte, source.get(ValueLayout.JAVA_LONG, fromByte));
        }
      }
    }
  }
}
