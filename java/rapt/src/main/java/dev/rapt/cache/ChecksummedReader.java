// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.zip.CRC32C;

/**
 * Reads memory from a channel in large pieces, and compares checksums of all memory so far. It
 * reads exactly what it was told to expect, so that the channel may go on.
 */
final class ChecksummedReader {
  private final ReadableByteChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 18).limit(0);
  private final MemorySegment memory = MemorySegment.ofBuffer(buffer.duplicate().clear());
  private final CRC32C checksum = new CRC32C();
  private String what = "";
  private long expected;
  private long arrived;

  ChecksummedReader(ReadableByteChannel channel) {
    this.channel = channel;
  }

  /** Says how many bytes come next, and what they are. */
  void expect(String part, long bytes) {
    what = part;
    expected = bytes;
    arrived = 0;
  }

  void read(MemorySegment to) throws IOException {
    for (long at = 0; at < to.byteSize(); ) {
      fillIfEmpty();
      int count = (int) Math.min(buffer.remaining(), to.byteSize() - at);
      MemorySegment.copy(memory, buffer.position(), to, at, count);
      checksum.update(buffer.slice(buffer.position(), count));
      buffer.position(buffer.position() + count);
      at += count;
    }
  }

  private void fillIfEmpty() throws IOException {
    while (!buffer.hasRemaining()) {
      fill();
    }
  }

  private void fill() throws IOException {
    buffer.clear().limit((int) Math.min(buffer.capacity(), expected - arrived));
    int count = channel.read(buffer);
    if (count < 0) {
      throw new SavedSequenceException(
          "the saved sequence ends "
              + arrived
              + " bytes into "
              + what
              + "; allowed: after "
              + expected);
    }
    arrived += count;
    buffer.flip();
  }

  void checkChecksum(String of) throws IOException {
    int computed = (int) checksum.getValue();
    int stored = 0;
    for (int bits = 0; bits < Integer.SIZE; bits += Byte.SIZE) {
      fillIfEmpty();
      stored |= (buffer.get() & 0xff) << bits;
    }
    if (stored != computed) {
      throw new SavedSequenceException(
          "the saved sequence was altered: the checksum of "
              + of
              + " is 0x"
              + Integer.toHexString(computed)
              + "; allowed: 0x"
              + Integer.toHexString(stored)
              + ", which it was saved with");
    }
  }
}
