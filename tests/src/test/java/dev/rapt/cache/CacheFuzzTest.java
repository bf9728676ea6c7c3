// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Device;
import dev.rapt.check.Tier;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random operations on a small cache, beside a model that knows each text's tokens: no text ever
 * has others, and no page is lost. {@code -Drapt.cache.operations=N} does more of them, {@code
 * RAPT_TEST_FULL=1} a million.
 */
class CacheFuzzTest {
  private static final int SHORT = 20_000;
  private static final int FULL = 1_000_000;
  private static final int PAGES = 14;
  private static final int TEXTS = 9;

  /** Few, so that texts begin alike. */
  private static final int VOCABULARY = 3;

  private record Text(Sequence sequence, List<Integer> tokens) {
    int[] array() {
      return tokens.stream().mapToInt(token -> token).toArray();
    }
  }

  private final List<Text> texts = new ArrayList<>();
  private Random random = new Random();
  private Device device;
  private KvCache cache;
  private Step step;
  private int full;
  private int found;

  private static int operations() {
    boolean all = "1".equals(System.getenv("RAPT_TEST_FULL"));
    return Integer.getInteger("rapt.cache.operations", all ? FULL : SHORT) / 4;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void nothingIsLostOrMixedUp(int pageSize) throws IOException {
    random = new Random(pageSize);
    device = Tier.usable().getLast().device();
    try (KvCache made = Rows.cache(PAGES, pageSize);
        Step used = made.newStep(device, 4, 4 * pageSize + 4)) {
      cache = made;
      step = used;
      Rows.poison(cache);
      for (int n = 0; n < operations(); n++) {
        String where = "page size " + pageSize + ", operation " + n;
        try {
          operation();
          check(where);
        } catch (AssertionError | RuntimeException e) {
          throw new AssertionError(where + ": " + e.getMessage(), e);
        }
      }
      assertTrue(full > 0, "it was full");
      assertTrue(found > 0, "prefixes were found");
      texts.forEach(text -> text.sequence.close());
      cache.prefixes().clear();
      assertEquals(PAGES, cache.statistics().free());
    }
  }

  private Text any() {
    return texts.get(random.nextInt(texts.size()));
  }

  private void operation() throws IOException {
    int what = random.nextInt(100);
    if (texts.isEmpty() || (what < 8 && texts.size() < TEXTS)) {
      texts.add(new Text(cache.newSequence(), new ArrayList<>()));
    } else if (what < 16 && texts.size() < TEXTS) {
      Text parent = any();
      texts.add(new Text(parent.sequence.fork(), new ArrayList<>(parent.tokens)));
    } else if (what < 28) {
      Text text = texts.remove(random.nextInt(texts.size()));
      text.sequence.close();
    } else if (what < 38) {
      Text text = any();
      int length = random.nextInt(text.tokens.size() + 1);
      text.sequence.truncate(length);
      text.tokens.subList(length, text.tokens.size()).clear();
    } else if (what < 44) {
      Text text = any();
      cache.prefixes().put(text.sequence, text.array());
    } else if (what < 50 && texts.size() < TEXTS) {
      find();
    } else if (what < 53 && texts.size() < TEXTS) {
      saveAndRestore();
    } else {
      step();
    }
  }

  private void find() {
    List<Integer> like = new ArrayList<>(any().tokens);
    like.add(random.nextInt(VOCABULARY));
    int[] tokens = like.stream().mapToInt(token -> token).toArray();
    Sequence sequence = cache.prefixes().find(tokens);
    found += sequence.length() > 0 ? 1 : 0;
    assertTrue(sequence.length() < Math.max(1, tokens.length));
    List<Integer> own =
        new ArrayList<>(Arrays.stream(tokens, 0, sequence.length()).boxed().toList());
    texts.add(new Text(sequence, own));
  }

  private void saveAndRestore() throws IOException {
    Text text = any();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    text.sequence.save(Channels.newChannel(bytes));
    try {
      Sequence sequence =
          cache.restore(Channels.newChannel(new ByteArrayInputStream(bytes.toByteArray())));
      texts.add(new Text(sequence, new ArrayList<>(text.tokens)));
    } catch (CacheFullException e) {
      full++;
    }
  }

  /** A step of some texts, which ends in one way or the other. */
  private void step() {
    List<Text> batch = new ArrayList<>();
    List<List<Integer>> more = new ArrayList<>();
    for (int i = random.nextInt(4); i >= 0; i--) {
      Text text = any();
      int count = random.nextInt(4) == 0 ? 1 + random.nextInt(cache.pageSize()) : 1;
      if (batch.contains(text)) {
        assertThrows(IllegalStateException.class, () -> step.add(text.sequence, count));
        continue;
      }
      CacheStatistics before = cache.statistics();
      int indexed = cache.prefixes().pages();
      try {
        step.add(text.sequence, count);
      } catch (CacheFullException e) {
        full++;
        assertEquals(before, cache.statistics());
        assertEquals(indexed, cache.prefixes().pages());
        assertTrue(e.needed() > e.available());
        assertEquals(before.free() + before.reclaimable(), e.available());
        continue;
      }
      batch.add(text);
      more.add(random.ints(count, 0, VOCABULARY).boxed().toList());
    }
    step.plan();
    Rows.write(step, more.stream().flatMap(List::stream).mapToInt(token -> token).toArray());
    if (random.nextInt(4) == 0) {
      step.rollback();
      return;
    }
    step.commit();
    for (int i = 0; i < batch.size(); i++) {
      batch.get(i).tokens.addAll(more.get(i));
    }
  }

  private void check(String where) {
    Set<Integer> held = new HashSet<>();
    for (Text text : texts) {
      assertEquals(text.tokens.size(), text.sequence.length(), where);
      if (random.nextInt(4) == 0) {
        assertArrayEquals(text.array(), Rows.read(text.sequence), where);
      }
      for (int i = 0; i < text.sequence.pageCount(); i++) {
        held.add(text.sequence.page(i));
      }
    }
    CacheStatistics now = cache.statistics();
    assertEquals(PAGES, now.used() + now.free(), where);
    assertTrue(now.reclaimable() <= cache.prefixes().pages(), where);
    assertTrue(held.size() <= now.used(), where);
    assertTrue(now.used() <= held.size() + cache.prefixes().pages(), where);
    if (cache.prefixes().pages() == 0) {
      assertEquals(held.size(), now.used(), where);
    }
  }
}
