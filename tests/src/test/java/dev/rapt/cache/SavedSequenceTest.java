// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Tensor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Sequences as bytes: they come back as they were, or not at all. */
class SavedSequenceTest {
  private static final int[] TOKENS = IntStream.range(100, 121).toArray();

  private final Device device = Device.java();
  private final KvCache cache = Rows.cache(20, 4);

  @AfterEach
  void close() {
    cache.close();
    device.close();
  }

  private byte[] saved() throws IOException {
    try (Step step = cache.newStep(device, 1, TOKENS.length);
        Sequence text = cache.newSequence()) {
      Rows.append(step, text, TOKENS);
      return save(text);
    }
  }

  private static byte[] save(Sequence text) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    text.save(Channels.newChannel(bytes));
    return bytes.toByteArray();
  }

  private static Sequence restore(KvCache into, byte[] bytes) throws IOException {
    return into.restore(Channels.newChannel(new ByteArrayInputStream(bytes)));
  }

  @Test
  void comesBackIntoPagesOfAnySize() throws IOException {
    byte[] bytes = saved();
    int row = Rows.LAYERS * Rows.HEADS * (Rows.KEY_DIM + Rows.VALUE_DIM) * Float.BYTES;
    assertEquals(40 + TOKENS.length * row + 4, bytes.length);
    for (int size : new int[] {1, 3, 4, 100}) {
      try (KvCache other = Rows.cache(30, size)) {
        Rows.poison(other);
        Sequence text = restore(other, bytes);
        assertArrayEquals(TOKENS, Rows.read(text));
        assertArrayEquals(bytes, save(text));
        try (Step step = other.newStep(device, 1, 2)) {
          Rows.append(step, text, 7, 8);
          assertEquals(TOKENS.length + 2, Rows.read(text).length);
        }
      }
    }
  }

  @Test
  void nothingIsALotToo() throws IOException {
    byte[] bytes = save(cache.newSequence());
    assertEquals(44, bytes.length);
    Sequence text = restore(cache, bytes);
    assertEquals(0, text.length());
    text.truncate(0);
  }

  /** Two in one channel, which gives and takes few bytes at a time. */
  @Test
  void channelsMayBeSlowAndGoOn() throws IOException {
    byte[] expected = saved();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Random random = new Random(1);
    WritableByteChannel slow =
        new WritableByteChannel() {
          @Override
          public int write(ByteBuffer from) {
            byte[] some = new byte[Math.min(from.remaining(), random.nextInt(50))];
            from.get(some);
            bytes.writeBytes(some);
            return some.length;
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {}
        };
    Sequence text = restore(cache, expected);
    text.save(slow);
    text.save(slow);
    assertEquals(2 * expected.length, bytes.size());
    ByteArrayInputStream all = new ByteArrayInputStream(bytes.toByteArray());
    ReadableByteChannel trickle =
        new ReadableByteChannel() {
          @Override
          public int read(ByteBuffer to) {
            byte[] some = new byte[Math.min(to.remaining(), 1 + random.nextInt(50))];
            int count = all.read(some, 0, some.length);
            if (count > 0) {
              to.put(some, 0, count);
            }
            return count;
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {}
        };
    assertArrayEquals(TOKENS, Rows.read(cache.restore(trickle)));
    assertArrayEquals(TOKENS, Rows.read(cache.restore(trickle)));
    refused("ends 0 bytes into its header; allowed: after 40", trickle);
  }

  @Test
  void scalesComeBackToo() throws IOException {
    KvCache.Builder builder =
        KvCache.builder().layers(1).kvHeads(2).headDim(8).groups(2).dtype(DType.I8).pages(4);
    try (KvCache from = builder.pageSize(4).build();
        KvCache to = builder.pageSize(2).pages(8).build();
        Arena arena = Arena.ofShared();
        Step step = from.newStep(device, 1, 9);
        Sequence text = from.newSequence()) {
      Tensor rows = Tensor.allocate(arena, DType.F32, 1, 2, 9, 8);
      Random random = new Random(2);
      float[] data = new float[(int) rows.elements()];
      for (int i = 0; i < data.length; i++) {
        data[i] = random.nextFloat(-1, 1);
      }
      rows.copyFrom(data);
      step.add(text, 9);
      step.plan();
      step.append(0, rows, rows);
      step.commit();
      Sequence back = restore(to, save(text));
      for (int i = 0; i < 9; i++) {
        for (int head = 0; head < 2; head++) {
          long[] a = {text.page(i / 4), head, i % 4, 0};
          long[] b = {back.page(i / 2), head, i % 2, 0};
          for (int d = 0; d < 8; d++) {
            a[3] = d;
            b[3] = d;
            assertEquals(from.keys(0).getLong(a), to.keys(0).getLong(b));
            assertEquals(from.values(0).getLong(a), to.values(0).getLong(b));
          }
          for (int group = 0; group < 2; group++) {
            a[3] = group;
            b[3] = group;
            assertTrue(from.keyScales(0).get(a) > 0);
            assertEquals(from.keyScales(0).get(a), to.keyScales(0).get(b));
            assertEquals(from.valueScales(0).get(a), to.valueScales(0).get(b));
          }
        }
      }
    }
  }

  private void refused(String part, byte[] bytes) {
    refused(part, Channels.newChannel(new ByteArrayInputStream(bytes)));
  }

  private void refused(String part, ReadableByteChannel channel) {
    CacheStatistics before = cache.statistics();
    String message =
        assertThrows(SavedSequenceException.class, () -> cache.restore(channel)).getMessage();
    assertTrue(message.contains(part), message);
    assertEquals(before, cache.statistics());
  }

  @Test
  void whatIsCutIsRefused() throws IOException {
    byte[] bytes = saved();
    for (int length = 0; length < bytes.length; length++) {
      String expected =
          length < 40
              ? "ends " + length + " bytes into its header; allowed: after 40"
              : "ends " + (length - 40) + " bytes into its 21 tokens; allowed: after ";
      refused(expected, Arrays.copyOf(bytes, length));
    }
  }

  @Test
  void whatIsAlteredIsRefused() throws IOException {
    byte[] bytes = saved();
    for (int at = 0; at < bytes.length; at++) {
      byte[] altered = bytes.clone();
      altered[at] ^= (byte) (1 << at % 8);
      String expected =
          at < 8
              ? "this is no saved sequence: it does not begin as one"
              : "the saved sequence was altered: the checksum of "
                  + (at < 40 ? "its header is 0x" : "its tokens is 0x");
      refused(expected, altered);
    }
  }

  @Test
  void anotherCachesSequenceIsRefused() throws IOException {
    byte[] bytes = saved();
    refused("has 3 layers; allowed: 2, as the cache", with(bytes, 8, 3));
    refused("has 1 kv heads; allowed: 2", with(bytes, 12, 1));
    refused("has 8 elements in a row of keys; allowed: 4", with(bytes, 16, 8));
    refused("has 4 elements in a row of values; allowed: 2", with(bytes, 20, 4));
    refused("is of BF16; allowed: F32, as the cache", with(bytes, 24, 2));
    refused("is of type 9; allowed: F32", with(bytes, 24, 9));
    refused("has 1 scales in a row; allowed: 0", with(bytes, 28, 1));
    refused("has -1 tokens; allowed: 0 or more", with(bytes, 32, -1));
    CacheStatistics before = cache.statistics();
    assertThrows(
        CacheFullException.class, () -> restore(cache, with(bytes, 32, Integer.MAX_VALUE)));
    assertThrows(CacheFullException.class, () -> restore(cache, with(bytes, 32, 81)));
    assertEquals(before, cache.statistics());
  }

  /** A header that fits the cache, before rows of another type: the last checksum tells. */
  @Test
  void anotherHeaderIsRefused() throws IOException {
    KvCache.Builder builder = KvCache.builder().layers(1).kvHeads(2).headDim(8).pages(4);
    try (KvCache half = builder.dtype(DType.F16).build();
        KvCache brain = builder.dtype(DType.BF16).build();
        Arena arena = Arena.ofShared();
        Step step = half.newStep(device, 1, 9);
        Sequence text = half.newSequence()) {
      Tensor rows = Tensor.allocate(arena, DType.F16, 1, 2, 9, 8);
      rows.fill(1.5f);
      step.add(text, 9);
      step.plan();
      step.append(0, rows, rows);
      step.commit();
      byte[] altered = with(save(text), 24, 2);
      String message =
          assertThrows(SavedSequenceException.class, () -> restore(brain, altered)).getMessage();
      assertTrue(message.contains("altered: the checksum of its tokens is 0x"), message);
      assertEquals(0, brain.statistics().used());
      assertArrayEquals(save(text), save(restore(half, save(text))));
    }
  }

  /** A header with another number, and a checksum that fits. */
  private static byte[] with(byte[] bytes, int at, int value) {
    ByteBuffer altered = ByteBuffer.wrap(bytes.clone()).order(ByteOrder.LITTLE_ENDIAN);
    altered.putInt(at, value);
    CRC32C checksum = new CRC32C();
    checksum.update(altered.array(), 0, 36);
    return altered.putInt(36, (int) checksum.getValue()).array();
  }

  @Test
  void isInUseMeanwhile() throws IOException {
    Sequence text = restore(cache, saved());
    WritableByteChannel curious =
        new WritableByteChannel() {
          @Override
          public int write(ByteBuffer from) throws IOException {
            String message =
                assertThrows(IllegalStateException.class, () -> text.truncate(1)).getMessage();
            assertTrue(message.contains("in use by a save"), message);
            throw new IOException("disk full");
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {}
        };
    assertThrows(IOException.class, () -> text.save(curious));
    text.truncate(1);
    text.close();
    assertThrows(IllegalStateException.class, () -> text.save(curious));
  }
}
