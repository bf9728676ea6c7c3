// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.check.Cuda;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.channels.Pipe.SinkChannel;
import java.nio.channels.Pipe.SourceChannel;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Texts and their pages: who holds what, and what stands in it. */
class SequenceTest {
  private static final int PAGES = 8;
  private static final int PAGE = 4;

  private final Device device = Device.java();
  private final KvCache cache = Rows.cache(PAGES, PAGE);
  private final Step step = cache.newStep(device, 4, 64);

  @BeforeEach
  void poison() {
    Rows.poison(cache);
  }

  @AfterEach
  void close() {
    step.close();
    cache.close();
    device.close();
  }

  private void pages(int used, int shared) {
    CacheStatistics now = cache.statistics();
    assertEquals(used, now.used(), now.toString());
    assertEquals(shared, now.shared(), now.toString());
    assertEquals(PAGES - used, now.free(), now.toString());
    assertEquals(PAGES, now.pages());
  }

  private Sequence text(int... tokens) {
    Sequence sequence = cache.newSequence();
    Rows.append(step, sequence, tokens);
    return sequence;
  }

  @Test
  void takesPagesAsItGrows() {
    Sequence text = cache.newSequence();
    pages(0, 0);
    for (int i = 0; i < 9; i++) {
      Rows.append(step, text, i + 10);
      assertEquals(i + 1, text.length());
      pages(i / PAGE + 1, 0);
    }
    assertArrayEquals(new int[] {10, 11, 12, 13, 14, 15, 16, 17, 18}, Rows.read(text));
    text.close();
    pages(0, 0);
    text.close();
    assertTrue(text.isClosed());
  }

  @Test
  void forksShareUntilOneWrites() {
    Sequence parent = text(1, 2, 3, 4, 5, 6);
    Sequence child = parent.fork();
    assertEquals(6, child.length());
    pages(2, 2);
    Rows.append(step, child, 70, 80, 90);
    pages(4, 1); // a copy of the last page, and one more
    Rows.append(step, parent, 7);
    pages(4, 1); // its last page is its own again
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 7}, Rows.read(parent));
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 70, 80, 90}, Rows.read(child));
    parent.close();
    pages(3, 0);
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 70, 80, 90}, Rows.read(child));
  }

  @Test
  void forksOfWholePagesCopyNothing() {
    Sequence parent = text(1, 2, 3, 4);
    Sequence child = parent.fork();
    Rows.append(step, child, 5);
    Rows.append(step, parent, 6);
    pages(3, 1);
    assertArrayEquals(new int[] {1, 2, 3, 4, 5}, Rows.read(child));
    assertArrayEquals(new int[] {1, 2, 3, 4, 6}, Rows.read(parent));
  }

  /** What is written behind the end of one must not be seen by another that goes further. */
  @Test
  void truncatingLeavesOthersAlone() {
    Sequence parent = text(1, 2, 3, 4, 5, 6, 7, 8);
    Sequence child = parent.fork();
    child.truncate(6);
    pages(2, 2);
    Rows.append(step, child, 60);
    pages(3, 1);
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, Rows.read(parent));
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6, 60}, Rows.read(child));
    child.truncate(4);
    pages(2, 1);
    child.truncate(0);
    pages(2, 0);
    assertEquals(0, child.length());
    Rows.append(step, child, 9);
    assertArrayEquals(new int[] {9}, Rows.read(child));
  }

  @Test
  void aFullCacheChangesNothing() {
    Sequence text = text(1, 2, 3, 4, 5, 6);
    Sequence other = text(7);
    pages(3, 0);
    CacheFullException full =
        assertThrows(CacheFullException.class, () -> step.add(text, 6 + 4 * PAGE + 1));
    assertEquals(
        "sequence 1 of 6 tokens needs 6 pages; allowed: 5, which are free of the cache's 8",
        full.getMessage());
    assertEquals(6, full.needed());
    assertEquals(5, full.available());
    pages(3, 0);
    assertEquals(0, step.sequences());
    step.add(text, 2 + 5 * PAGE);
    pages(8, 0);
    assertThrows(CacheFullException.class, () -> step.add(other, 4));
    step.add(other, 3); // its own page has room
    step.rollback();
    pages(3, 0);
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6}, Rows.read(text));
    assertArrayEquals(new int[] {7}, Rows.read(other));
  }

  /**
   * Of the texts that share a page and leave it in one step the last one stays: it needs no page
   * more than they would have without sharing. It does not where another would come back to rows
   * that it writes.
   */
  @Test
  void theLastOneOfASharedPageStays() {
    Sequence parent = text(1, 2, 3, 4, 5);
    Sequence child = parent.fork();
    step.add(parent, 1);
    step.add(child, 1);
    pages(3, 2);
    step.plan();
    Rows.write(step, 60, 61);
    step.rollback();
    assertArrayEquals(new int[] {1, 2, 3, 4, 5}, Rows.read(parent));
    step.add(child, 1);
    step.add(parent, 1);
    step.plan();
    Rows.write(step, 61, 60);
    step.commit();
    pages(3, 1);
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 60}, Rows.read(parent));
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 61}, Rows.read(child));
    Sequence longer = text(1, 2, 3);
    Sequence shorter = longer.fork();
    shorter.truncate(1);
    step.add(longer, 1);
    step.add(shorter, 1);
    pages(6, 2);
    step.plan();
    Rows.write(step, 4, 20);
    step.rollback();
    assertArrayEquals(new int[] {1, 2, 3}, Rows.read(longer));
  }

  /** The copy of a shared page counts, too. */
  @Test
  void aFullCacheRefusesTheCopyOfASharedPage() {
    Sequence parent = text(new int[PAGES * PAGE - 1]);
    Sequence child = parent.fork();
    assertThrows(CacheFullException.class, () -> step.add(child, 1));
    child.close();
    step.add(parent, 1);
    step.rollback();
    pages(PAGES, 0);
  }

  /** A list of pages that is long enough from the start does not grow, nor does that of a fork. */
  @Test
  void aListOfPagesMayBeginLong() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int tokens = 50_000;
    try (KvCache large = Rows.cache(2 * tokens, 1)) {
      for (int round = 0; round < 2; round++) { // the first one loads classes
        for (boolean long_ : new boolean[] {false, true}) {
          Sequence text = long_ ? large.newSequence(tokens) : large.newSequence();
          assertEquals(0, large.statistics().used());
          grow(large, text, 1);
          Sequence fork = text.fork();
          for (Sequence grown : List.of(text, fork)) {
            long before = threads.getCurrentThreadAllocatedBytes();
            grow(large, grown, tokens - 1);
            long bytes = threads.getCurrentThreadAllocatedBytes() - before;
            long list = 4L * tokens;
            // The reservation's own list is long in any case.
            assertTrue(long_ ? bytes < 1.5 * list : bytes >= 2 * list, long_ + ": " + bytes);
          }
          text.close();
          fork.close();
        }
      }
      assertEquals(2 * tokens, large.newSequence(Integer.MAX_VALUE).cache().statistics().free());
    }
  }

  private static void grow(KvCache cache, Sequence sequence, int tokens) {
    Reservation pages = new Reservation();
    synchronized (cache.lock) {
      pages.take(cache, sequence, tokens, "a test", List.of());
      pages.commit();
    }
  }

  /** Were a commit to fail halfway, a rollback after it would give pages away that are in use. */
  @Test
  void aCommitTakesNoMemory() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int tokens = 50_000;
    try (KvCache large = Rows.cache(2 * tokens, 1)) {
      long bytes = 0;
      for (int round = 0; round < 2; round++) { // the first one loads classes
        Sequence text = large.newSequence();
        Reservation pages = new Reservation();
        synchronized (large.lock) {
          pages.take(large, text, tokens, "a test", List.of());
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        synchronized (large.lock) {
          pages.commit();
        }
        bytes = threads.getCurrentThreadAllocatedBytes() - before;
        assertEquals(tokens, text.length());
      }
      assertTrue(bytes < tokens, bytes + " bytes");
    }
  }

  @Test
  void whatHasEndedIsNotRolledBack() {
    Sequence text = cache.newSequence();
    Reservation pages = new Reservation();
    synchronized (cache.lock) {
      pages.rollback(cache);
      pages.take(cache, text, 2 * PAGE, "a test", List.of());
      pages.commit();
      pages.rollback(cache);
    }
    pages(2, 0);
    text.truncate(0);
    synchronized (cache.lock) {
      pages.take(cache, text, PAGE, "a test", List.of());
      pages.rollback(cache);
      pages.rollback(cache);
    }
    pages(0, 0);
    text.close();
  }

  @Test
  void whatIsClosedSaysSo() {
    Sequence text = text(1, 2);
    text.close();
    state("sequence 1 of 0 tokens is closed", () -> step.add(text, 1));
    state("is closed", text::fork);
    state("is closed", () -> text.truncate(0));
    step.close();
    step.close();
    Sequence other = cache.newSequence();
    state("the step is closed", () -> step.add(other, 1));
    state("the step is closed", step::plan);
    cache.close();
    cache.close();
    assertTrue(cache.isClosed());
    state("cache is closed", cache::newSequence);
    state("cache is closed", () -> cache.newStep(device, 1, 1));
    state("cache is closed", other::fork);
    other.close();
  }

  /** A call of somebody's own on the cache's memory makes a close fail; after it another frees. */
  @Test
  void aCloseThatFailedCanBeRepeated() throws Exception {
    Pipe pipe = Pipe.open();
    KvCache large = Rows.cache(20_000, 4);
    MemorySegment keys = large.keys(0).segment();
    try (SinkChannel sink = pipe.sink();
        SourceChannel source = pipe.source();
        ExecutorService thread = Executors.newSingleThreadExecutor()) {
      ByteBuffer bytes = keys.asByteBuffer(); // more than a pipe holds
      Future<Integer> written = thread.submit(() -> sink.write(bytes));
      ByteBuffer read = ByteBuffer.allocate(1 << 16);
      long left = keys.byteSize() - source.read(read);
      state("acquired", large::close);
      assertTrue(keys.scope().isAlive());
      state("cache is closed", large::newSequence);
      while (left > 0) {
        left -= source.read(read.clear());
      }
      written.get();
    }
    large.close();
    assertFalse(keys.scope().isAlive());
    large.close();
  }

  @Test
  void aStepOutlivesItsCache() {
    Sequence text = text(1, 2);
    step.add(text, 1);
    cache.close();
    state("cache is closed", step::plan);
    state("in use by step of 1 sequences and 1 tokens", text::close);
    step.close();
    text.close();
  }

  @Test
  void aSequenceInAStepRefusesEverythingElse() {
    Sequence text = text(1, 2, 3);
    try (Step other = cache.newStep(device, 1, 8)) {
      step.add(text, 1);
      state(
          "sequence 1 of 3 tokens is in this step already; allowed: once", () -> step.add(text, 1));
      String used =
          "sequence 1 of 3 tokens is in use by step of 1 sequences and 1 tokens;"
              + " allowed: after that has ended";
      state(used, () -> other.add(text, 1));
      state(used, text::fork);
      state(used, () -> text.truncate(1));
      state(used, text::close);
      assertEquals(3, text.length());
      assertFalse(text.isClosed());
      step.rollback();
      other.add(text, 1);
    }
    text.truncate(2);
    assertArrayEquals(new int[] {1, 2}, Rows.read(text));
  }

  @Test
  void badArgumentsAreNamed() {
    argument("tokens is -1; allowed: 0 or more", () -> cache.newSequence(-1));
    Sequence text = text(1, 2, 3);
    argument("the tokens to keep are 4; allowed: 0 to 3, the length", () -> text.truncate(4));
    argument("the tokens to keep are -1; allowed: 0 to 3", () -> text.truncate(-1));
    argument(
        "the new tokens of sequence 1 of 3 tokens are 0; allowed: 1 to 64, because the step has 0"
            + " of 64",
        () -> step.add(text, 0));
    argument("are 65; allowed: 1 to 64", () -> step.add(text, 65));
    try (KvCache foreign = Rows.cache(1, 1);
        Sequence stranger = foreign.newSequence();
        Step narrow = cache.newStep(device, 1, 8)) {
      argument(
          "sequence 1 of 0 tokens is of another cache; allowed: those of cache of 8 pages of 4"
              + " tokens, 2 layers, F32",
          () -> step.add(stranger, 1));
      narrow.add(text, 3);
      Sequence second = cache.newSequence();
      argument("the step has 1 sequences; allowed: as many", () -> narrow.add(second, 1));
    }
    argument("mostTokens is 0; allowed: 1 or more", () -> cache.newStep(device, 1, 0));
    argument("mostSequences is -1; allowed: 1 or more", () -> cache.newStep(device, -1, 1));
    assertEquals(3, text.length());
    pages(1, 0);
  }

  @Test
  void aGpuIsRefused() {
    Cuda.use();
    try (Device gpu = Device.cuda()) {
      argument(
          "device is cuda:0; allowed: the CPU and the Java reference",
          () -> cache.newStep(gpu, 1, 1));
    }
  }

  @Test
  void sizesOfACacheAreChecked() {
    KvCache.Builder half = KvCache.builder().layers(2).kvHeads(3).headDim(16);
    argument("neither byteLimit nor pages is given; allowed: one of them", half::build);
    argument("byteLimit is 24575; allowed: 24576 or more, a page", half.byteLimit(24575)::build);
    half.byteLimit(3 * 24576 - 1);
    try (KvCache two = half.build()) {
      assertEquals(new CacheStatistics(2, 0, 0, 0, 2, 24576), two.statistics());
    }
    argument("both byteLimit and pages are given; allowed: one of them", half.pages(2)::build);
    KvCache.Builder widths = KvCache.builder().layers(1).kvHeads(1).pages(1);
    try (KvCache narrow = widths.valueDim(8).headDim(16).build();
        KvCache alike = KvCache.builder().layers(1).kvHeads(1).pages(1).headDim(4).build()) {
      assertEquals(16, narrow.keys(0).size(3));
      assertEquals(8, narrow.values(0).size(3));
      assertEquals(4, alike.values(0).size(3));
    }
    argument("layers is 0; allowed: 1 to 65536", KvCache.builder()::build);
    argument("layers is -1; allowed: 1 to", () -> KvCache.builder().layers(-1));
    argument("kvHeads is 0; allowed: 1 to", KvCache.builder().layers(1)::build);
    argument("headDim is 1025; allowed: 1 to 1024", () -> KvCache.builder().headDim(1025));
    argument("valueDim is 0; allowed: 1 to 1024", () -> KvCache.builder().valueDim(0));
    argument("pageSize is 0; allowed: 1 to 1048576", () -> KvCache.builder().pageSize(0));
    argument("pages is 0; allowed: 1 to", () -> KvCache.builder().pages(0));
    argument("byteLimit is 0; allowed: 1 or more", () -> KvCache.builder().byteLimit(0));
    argument(
        "dtype is I32; allowed: F32, F16, BF16 and I8", () -> KvCache.builder().dtype(DType.I32));
    KvCache.Builder bytes =
        KvCache.builder().layers(1).kvHeads(1).headDim(12).valueDim(8).dtype(DType.I8).pages(1);
    argument(
        "groups is 3; allowed: the divisors of the head dimensions, 12 and 8",
        bytes.groups(3)::build);
    try (KvCache grouped = bytes.groups(2).build()) {
      assertEquals(32 * (12 + 8 + 2 * 2 * 4), grouped.statistics().pageBytes());
      assertEquals(2, grouped.keyScales(0).size(3));
    }
    argument(
        "of 8796093022208 bytes each; allowed: what memory holds",
        KvCache.builder().layers(1024).kvHeads(1024).headDim(1024).pageSize(1024).pages(1 << 21)
            ::build);
    state(
        "the cache is of F32 and has no scales; allowed: a cache of I8", () -> cache.keyScales(0));
    assertThrows(IndexOutOfBoundsException.class, () -> cache.keys(2));
  }

  private static void state(String part, Runnable call) {
    contains(part, assertThrows(IllegalStateException.class, call::run));
  }

  private static void argument(String part, Runnable call) {
    contains(part, assertThrows(IllegalArgumentException.class, call::run));
  }

  private static void contains(String part, RuntimeException thrown) {
    assertTrue(thrown.getMessage().contains(part), thrown.getMessage());
  }
}
