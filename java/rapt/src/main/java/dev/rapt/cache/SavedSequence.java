// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import dev.rapt.DType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * A sequence as bytes, little-endian: a header of 40 bytes with a checksum of its own, the rows
 * (layer, kind, head, token, element) with kinds keys, values and the scales of both, and a
 * checksum of everything before it but the header's. Both are CRC-32C. Page sizes may differ
 * between whoever saves and whoever restores.
 */
final class SavedSequence {
  private static final byte[] MAGIC = "RAPTKV01".getBytes(StandardCharsets.US_ASCII);
  private static final int HEADER_BYTES = 40;
  private static final List<DType> TYPES = List.of(DType.F32, DType.F16, DType.BF16, DType.I8);

  private SavedSequence() {}

  /** What a run of a sequence's rows is, as bytes of memory. */
  private interface Run {
    void take(MemorySegment rows) throws IOException;
  }

  static void save(KvCache cache, Sequence sequence, WritableByteChannel channel)
      throws IOException {
    ChecksummedWriter writer = new ChecksummedWriter(channel);
    writer.write(MemorySegment.ofBuffer(header(cache.shape(), sequence.tokens())));
    writer.writeChecksum();
    eachRun(cache, sequence.tokens(), sequence::page, writer::write);
    writer.writeChecksum();
    writer.flush();
  }

  static Sequence restore(KvCache cache, ReadableByteChannel channel) throws IOException {
    ChecksummedReader reader = new ChecksummedReader(channel);
    int length = length(cache.shape(), reader);
    Sequence sequence = cache.newSequence();
    Reservation pages = new Reservation();
    synchronized (cache.lock) {
      pages.take(cache, sequence, length, "a restore", List.of());
    }
    boolean good = false;
    try {
      reader.expect(
          "its " + length + " tokens", tokenBytes(cache.shape()) * length + Integer.BYTES);
      eachRun(cache, length, pages::page, reader::read);
      reader.checkChecksum("its tokens");
      good = true;
    } finally {
      synchronized (cache.lock) {
        if (good) {
          pages.commit();
        } else {
          pages.rollback(cache);
        }
      }
    }
    return sequence;
  }

  private static void eachRun(KvCache cache, int length, IntUnaryOperator page, Run run)
      throws IOException {
    CacheShape shape = cache.shape();
    for (CacheMemory.Plane plane : cache.memory().planes()) {
      for (int head = 0; head < shape.kvHeads(); head++) {
        for (int i = 0; i < shape.pagesOf(length); i++) {
          int rows = Math.min(shape.pageSize(), length - i * shape.pageSize());
          run.take(cache.memory().rows(plane, page.applyAsInt(i), head, rows));
        }
      }
    }
  }

  private static long tokenBytes(CacheShape shape) {
    return shape.pageBytes() / shape.pageSize();
  }

  private static ByteBuffer header(CacheShape shape, int length) {
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES - Integer.BYTES);
    header.order(ByteOrder.LITTLE_ENDIAN).put(MAGIC);
    header.putInt(shape.layers()).putInt(shape.kvHeads()).putInt(shape.keyDim());
    header.putInt(shape.valueDim()).putInt(TYPES.indexOf(shape.dtype())).putInt(shape.groups());
    return header.putInt(length).flip();
  }

  /** Reads and checks the header; returns how many tokens follow. */
  private static int length(CacheShape shape, ChecksummedReader reader) throws IOException {
    reader.expect("its header", HEADER_BYTES);
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES - Integer.BYTES);
    header.order(ByteOrder.LITTLE_ENDIAN);
    reader.read(MemorySegment.ofBuffer(header));
    for (byte expected : MAGIC) {
      if (header.get() != expected) {
        throw new SavedSequenceException("this is no saved sequence: it does not begin as one");
      }
    }
    reader.checkChecksum("its header");
    same("layers", header.getInt(), shape.layers());
    same("kv heads", header.getInt(), shape.kvHeads());
    same("elements in a row of keys", header.getInt(), shape.keyDim());
    same("elements in a row of values", header.getInt(), shape.valueDim());
    int dtype = header.getInt();
    if (dtype != TYPES.indexOf(shape.dtype())) {
      Object saved = dtype >= 0 && dtype < TYPES.size() ? TYPES.get(dtype) : "type " + dtype;
      throw new SavedSequenceException(
          "the saved sequence is of " + saved + "; allowed: " + shape.dtype() + ", as the cache");
    }
    same("scales in a row", header.getInt(), shape.groups());
    int length = header.getInt();
    if (length < 0) {
      throw new SavedSequenceException(
          "the saved sequence has " + length + " tokens; allowed: 0 or more");
    }
    return length;
  }

  private static void same(String what, int saved, int own) throws SavedSequenceException {
    if (saved != own) {
      throw new SavedSequenceException(
          "the saved sequence has " + saved + " " + what + "; allowed: " + own + ", as the cache");
    }
  }
}
