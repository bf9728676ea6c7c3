// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.util.zip.CRC32C;

/**
 * Writes memory to a channel in large pieces, and checksums of all memory so far. They are not of
 * the checksums between: what a CRC becomes by its own value does not depend on what was before.
 */
final class ChecksummedWriter {
  private final WritableByteChannel channel;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(1 << 18).order(ByteOrder.LITTLE_ENDIAN);
  private final MemorySegment memory = MemorySegment.ofBuffer(buffer);
  private final CRC32C checksum = new CRC32C();

  ChecksummedWriter(WritableByteChannel channel) {
    this.channel = channel;
  }

  void write(MemorySegment from) throws IOException {
    for (long at = 0; at < from.byteSize(); ) {
      if (!buffer.hasRemaining()) {
        flush();
      }
      int count = (int) Math.min(buffer.remaining(), from.byteSize() - at);
      MemorySegment.copy(from, at, memory, buffer.position(), count);
      checksum.update(buffer.slice(buffer.position(), count));
      buffer.position(buffer.position() + count);
      at += count;
    }
  }

  void writeChecksum() throws IOException {
    if (buffer.remaining() < Integer.BYTES) {
      flush();
    }
    buffer.putInt((int) checksum.getValue());
  }

  void flush() throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }
}
