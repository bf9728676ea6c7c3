// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.Device;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Texts that begin alike share pages, as long as nobody needs these more. */
class PrefixIndexTest {
  private static final int PAGES = 6;
  private static final int PAGE = 2;

  private final Device device = Device.java();
  private final KvCache cache = Rows.cache(PAGES, PAGE);
  private final PrefixIndex index = cache.prefixes();
  private final Step step = cache.newStep(device, 4, 64);

  @AfterEach
  void close() {
    step.close();
    cache.close();
    device.close();
  }

  /** Writes a text that nobody holds but the index. */
  private void put(String salt, int... tokens) {
    try (Sequence text = cache.newSequence()) {
      Rows.append(step, text, tokens);
      index.put(text, tokens, salt);
    }
  }

  private void put(int... tokens) {
    put("", tokens);
  }

  /** The tokens that are found of a text. */
  private int[] found(int... tokens) {
    try (Sequence text = index.find(tokens)) {
      return Rows.read(text);
    }
  }

  @Test
  void theLongestBeginningIsFound() {
    put(1, 2, 3, 4, 5);
    assertEquals(2, index.pages());
    assertArrayEquals(new int[] {1, 2, 3, 4}, found(1, 2, 3, 4, 5, 6));
    assertArrayEquals(new int[] {1, 2, 3, 4}, found(1, 2, 3, 4, 9));
    assertArrayEquals(new int[] {1, 2}, found(1, 2, 3, 9, 9));
    assertArrayEquals(new int[] {}, found(1, 9, 3, 4));
    assertArrayEquals(new int[] {}, found(3, 4, 5));
    assertArrayEquals(new int[] {1, 2}, found(1, 2, 3, 4)); // the last token is to be computed
    assertArrayEquals(new int[] {}, found(1, 2));
    assertArrayEquals(new int[] {}, found());
    assertEquals(new CacheStatistics(PAGES, 2, 0, 2, 4, 192), cache.statistics());
  }

  @Test
  void textsGoOnByThemselves() {
    put(1, 2, 3, 4);
    Sequence a = index.find(new int[] {1, 2, 3, 4, 5});
    Sequence b = index.find(new int[] {1, 2, 3, 4, 6});
    Rows.append(step, a, 5);
    Rows.append(step, b, 6);
    assertEquals(4, cache.statistics().used());
    assertEquals(0, cache.statistics().reclaimable());
    assertArrayEquals(new int[] {1, 2, 3, 4, 5}, Rows.read(a));
    assertArrayEquals(new int[] {1, 2, 3, 4, 6}, Rows.read(b));
    a.truncate(3); // into a page that the index holds
    Rows.append(step, a, 7);
    assertArrayEquals(new int[] {1, 2, 3, 7}, Rows.read(a));
    assertArrayEquals(new int[] {1, 2, 3, 4}, found(1, 2, 3, 4, 5));
    index.put(a, new int[] {1, 2, 3, 7});
    assertEquals(3, index.pages());
    assertArrayEquals(new int[] {1, 2, 3, 7}, found(1, 2, 3, 7, 8));
  }

  @Test
  void saltsDoNotShare() {
    put("tenant", 1, 2, 3);
    assertEquals(0, index.find(new int[] {1, 2, 3}).length());
    assertEquals(0, index.find(new int[] {1, 2, 3}, "other").length());
    assertEquals(2, index.find(new int[] {1, 2, 3}, "tenant").length());
    put("other", 1, 2, 3);
    assertEquals(2, index.pages());
    // A page is indexed once.
    Sequence text = index.find(new int[] {1, 2, 3}, "tenant");
    index.put(text, new int[] {1, 2}, "third");
    assertEquals(2, index.pages());
  }

  @Test
  void theLeastRecentlyUsedGoesFirstAndFromItsEnd() {
    put(1, 2, 3, 4);
    put(5, 6, 7, 8);
    assertArrayEquals(new int[] {1, 2, 3, 4}, found(1, 2, 3, 4, 0));
    Sequence text = cache.newSequence();
    Rows.append(step, text, 11, 12, 13, 14, 15); // one page more than are free
    assertEquals(3, index.pages());
    assertArrayEquals(new int[] {5, 6}, found(5, 6, 7, 8, 0));
    assertArrayEquals(new int[] {1, 2, 3, 4}, found(1, 2, 3, 4, 0));
    step.add(text, 3);
    assertEquals(2, index.pages());
    assertArrayEquals(new int[] {1, 2, 3, 4}, found(1, 2, 3, 4, 0));
    step.rollback();
    text.close();
    index.clear();
    assertEquals(0, index.pages());
    assertEquals(PAGES, cache.statistics().free());
  }

  /** Pages in use stay, and a step that fails takes nothing from the index. */
  @Test
  void whatIsInUseStays() {
    put(1, 2, 3, 4);
    put(5, 6);
    Sequence user = index.find(new int[] {1, 2, 3});
    assertEquals(2, cache.statistics().reclaimable());
    Sequence text = cache.newSequence();
    CacheFullException full =
        assertThrows(CacheFullException.class, () -> step.add(text, 6 * PAGE));
    assertEquals(5, full.available());
    assertEquals(3, index.pages());
    step.add(text, 5 * PAGE);
    assertEquals(1, index.pages());
    assertArrayEquals(new int[] {1, 2}, Rows.read(user));
    step.rollback();
    // The index alone holds it now; it goes, though a text of the same beginning comes again.
    user.close();
    put(1, 2, 9);
    assertEquals(1, index.pages());
  }

  /** A page that only the index holds, but with one behind it that is in use, stays. */
  @Test
  void aBeginningStaysAsLongAsItsEnd() {
    put(1, 2);
    Sequence text = cache.newSequence();
    Rows.append(step, text, 1, 2, 3, 4); // computed again, in pages of its own
    index.put(text, new int[] {1, 2, 3, 4});
    assertEquals(2, index.pages());
    assertEquals(0, cache.statistics().reclaimable());
    text.close();
    assertEquals(2, cache.statistics().reclaimable());
    assertArrayEquals(new int[] {1, 2, 3, 4}, found(1, 2, 3, 4, 5));
  }

  /** Two pages of one hash, found by trying: only the tokens tell them apart. */
  @Test
  void tokensAreCompared() {
    Map<Integer, Integer> seen = new HashMap<>();
    int[] first = {0, 0};
    int[] second = {0, 0};
    for (int token = 1; second[0] == 0; token++) {
      int[] tokens = {token, 1};
      Integer before = seen.put(PrefixKey.hash("".hashCode(), tokens, 0, 2), token);
      if (before != null) {
        first = new int[] {before, 1};
        second = tokens;
      }
    }
    assertNotEquals(first[0], second[0]);
    // The same page behind either: only the page before it tells the two apart.
    int[] longer = {first[0], first[1], 5, 6};
    try (Sequence text = cache.newSequence();
        Sequence other = cache.newSequence()) {
      Rows.append(step, text, 7, 8, 5, 6);
      index.put(text, longer);
      assertEquals(4, index.find(Arrays.copyOf(longer, 5)).length());
      assertEquals(0, index.find(Arrays.copyOf(second, 3)).length());
      Rows.append(step, other, 8, 7);
      index.put(other, second);
      assertEquals(2, index.find(new int[] {second[0], second[1], 5, 6, 0}).length());
    }
  }

  @Test
  void badInputIsNamed() {
    Sequence text = cache.newSequence();
    Rows.append(step, text, 1, 2, 3);
    String message =
        assertThrows(IllegalArgumentException.class, () -> index.put(text, new int[] {1, 2}))
            .getMessage();
    assertEquals("the tokens of sequence 1 of 3 tokens are 2; allowed: as many", message);
    try (KvCache other = Rows.cache(1, 1)) {
      Sequence stranger = other.newSequence();
      assertThrows(IllegalArgumentException.class, () -> index.put(stranger, new int[0]));
    }
    step.add(text, 1);
    assertThrows(IllegalStateException.class, () -> index.put(text, new int[] {1, 2, 3}));
    step.rollback();
    text.close();
    assertThrows(IllegalStateException.class, () -> index.put(text, new int[0]));
    cache.close();
    message =
        assertThrows(IllegalStateException.class, () -> index.find(new int[] {1})).getMessage();
    assertTrue(message.contains("cache is closed"), message);
  }
}
