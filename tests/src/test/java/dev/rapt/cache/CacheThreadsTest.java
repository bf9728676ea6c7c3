// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;

/** Threads with steps of their own on one cache, whose pages they share and fight for. */
class CacheThreadsTest {
  private static final int THREADS = 4;
  private static final int ROUNDS = 100;
  private static final int HANDS = 30_000;
  private static final int PAGES = 10;
  private static final int[] BEGIN = {1, 2, 3, 4, 5, 6};

  /** Steps that were not refused. */
  private final AtomicInteger added = new AtomicInteger();

  /** Texts whose own tokens, and not only those that all begin with, were found. */
  private final AtomicInteger found = new AtomicInteger();

  @Test
  void everyThreadSeesItsOwnTexts() throws Exception {
    try (KvCache cache = Rows.cache(PAGES, 4);
        Device device = Device.java();
        Sequence parent = cache.newSequence();
        ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      try (Step step = cache.newStep(device, 1, BEGIN.length)) {
        Rows.append(step, parent, BEGIN);
      }
      inThreads(
          pool,
          own -> {
            try (Step step = cache.newStep(device, 1, 8)) {
              for (int round = 0; round < ROUNDS; round++) {
                write(cache, parent, step, 10 + own);
              }
            }
          });
      assertArrayEquals(BEGIN, Rows.read(parent));
      assertTrue(added.get() >= ROUNDS, added + " steps");
      assertTrue(found.get() >= ROUNDS / 10, found + " finds");
      cache.prefixes().clear();
      assertEquals(PAGES - 2, cache.statistics().free());
    }
  }

  /** Pages change hands as fast as they can, without any work between. */
  @Test
  void noPageIsLostOrHeldTwice() throws Exception {
    try (KvCache cache = Rows.cache(PAGES, 4);
        Device device = Device.java();
        Sequence parent = cache.newSequence();
        ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      try (Step step = cache.newStep(device, 1, BEGIN.length)) {
        Rows.append(step, parent, BEGIN);
      }
      inThreads(
          pool,
          own -> {
            try (Step step = cache.newStep(device, 1, 8)) {
              for (int round = 0; round < HANDS; round++) {
                hold(parent, step);
              }
            }
          });
      assertTrue(added.get() >= HANDS, added + " steps");
      assertEquals(PAGES - 2, cache.statistics().free());
      assertEquals(0, cache.statistics().shared());
      assertArrayEquals(BEGIN, Rows.read(parent));
    }
  }

  private void hold(Sequence parent, Step step) {
    try (Sequence text = parent.fork()) {
      step.add(text, 8);
      step.rollback();
      text.truncate(3);
      step.add(text, 1);
      step.rollback();
      added.incrementAndGet();
    } catch (CacheFullException e) {
      step.rollback();
    }
  }

  private static void inThreads(ExecutorService pool, IntConsumer work) throws Exception {
    List<Future<?>> threads = new ArrayList<>();
    for (int thread = 0; thread < THREADS; thread++) {
      int own = thread;
      threads.add(pool.submit(() -> work.accept(own)));
    }
    for (Future<?> thread : threads) {
      thread.get();
    }
  }

  /** A fork that writes as far as it can, and a text that begins like one before. */
  private void write(KvCache cache, Sequence parent, Step step, int own) {
    int[] tokens = {1, 2, 3, 4, 5, 6, own, own, own, own, own, own, own, own};
    try (Sequence text = parent.fork()) {
      Rows.append(step, text, own, own, own, own, own, own, own, own);
      assertArrayEquals(tokens, Rows.read(text));
      cache.prefixes().put(text, tokens);
      added.incrementAndGet();
    } catch (CacheFullException e) {
      step.rollback(); // others have the pages for the moment
    }
    try (Sequence text = cache.prefixes().find(tokens)) {
      int[] read = Rows.read(text);
      for (int i = 0; i < read.length; i++) {
        assertEquals(tokens[i], read[i]);
      }
      if (read.length > BEGIN.length) {
        found.incrementAndGet();
      }
    }
  }
}
