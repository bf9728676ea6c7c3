// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which pages of a {@link KvCache} hold the beginnings of texts, by their tokens: a text that
 * begins like an earlier one gets its pages and need not compute them again.
 *
 * {@snippet :
 * static Sequence begin(KvCache cache, int[] prompt) {
 *   Sequence text = cache.prefixes().find(prompt);
 *   // ... steps read the prompt from text.length() on, then
 *   cache.prefixes().put(text, prompt);
 *   return text;
 * }
 * }
 *
 * <p>Only full pages are indexed. A page is found by a hash of its tokens and of all before it;
 * then the tokens themselves are compared. Texts of different salts never share: a salt may be a
 * tenant's name, so that nobody learns from the speed of an answer what others have asked.
 *
 * <p>The index holds its pages until somebody needs them; see {@link dev.rapt.cache}. Thread-safe.
 */
public final class PrefixIndex {
  private static final String NO_SALT = "";

  private final KvCache cache;

  // All under the cache's lock. In the list by last use a page comes before the one that it stands
  // behind in a text, since whoever uses the former uses the latter, too.
  private final Map<PrefixKey, PrefixPage> pages = new HashMap<>();
  private final boolean[] indexed;
  private @Nullable PrefixPage oldest;
  private @Nullable PrefixPage newest;

  PrefixIndex(KvCache cache, int pageCount) {
    this.cache = cache;
    indexed = new boolean[pageCount];
  }

  /** As {@link #find(int[], String)}, among texts without a salt. */
  public Sequence find(int[] tokens) {
    return find(tokens, NO_SALT);
  }

  /**
   * A new sequence with the longest beginning of these tokens that is indexed: full pages, and at
   * least one token less than there are, because a model says what follows a token only when it
   * computes it. Where nothing is found the sequence is empty. The caller closes it.
   *
   * @throws IllegalStateException where the cache is closed
   */
  public Sequence find(int[] tokens, String salt) {
    Objects.requireNonNull(tokens, "tokens");
    Objects.requireNonNull(salt, "salt");
    Sequence sequence = cache.newSequence();
    synchronized (cache.lock) {
      int size = cache.pageSize();
      int[] found = new int[Math.max(0, tokens.length - 1) / size];
      int count = 0;
      PrefixPage last = null;
      while (count < found.length) {
        int from = count * size;
        PrefixPage next = pages.get(new PrefixKey(last, salt, tokens, from, from + size));
        if (next == null) {
          break;
        }
        found[count++] = next.page();
        last = next;
      }
      touch(last);
      sequence.adopt(Arrays.copyOf(found, count), count * size);
    }
    return sequence;
  }

  /** As {@link #put(Sequence, int[], String)}, without a salt. */
  public void put(Sequence sequence, int[] tokens) {
    put(sequence, tokens, NO_SALT);
  }

  /**
   * Indexes the full pages of a sequence. Those whose tokens are indexed already, and those that
   * are indexed as something else, with all behind them, are not indexed again.
   *
   * @param tokens all tokens of the sequence
   * @throws IllegalArgumentException where they are not as many as the sequence has, or that is of
   *     another cache
   * @throws IllegalStateException where the sequence is closed or in use, or the cache is closed
   */
  public void put(Sequence sequence, int[] tokens, String salt) {
    Objects.requireNonNull(sequence, "sequence");
    Objects.requireNonNull(tokens, "tokens");
    Objects.requireNonNull(salt, "salt");
    cache.checkOwn(sequence);
    cache.lifetime().enter();
    try {
      synchronized (cache.lock) {
        sequence.checkIdle();
        if (tokens.length != sequence.tokens()) {
          throw new IllegalArgumentException(
              "the tokens of " + sequence + " are " + tokens.length + "; allowed: as many");
        }
        touch(add(sequence, tokens, salt));
      }
    } finally {
      cache.lifetime().exit();
    }
  }

  private @Nullable PrefixPage add(Sequence sequence, int[] tokens, String salt) {
    int size = cache.pageSize();
    PrefixPage last = null;
    int full = tokens.length / size;
    for (int i = 0; i < full; i++) {
      int from = i * size;
      PrefixKey key = new PrefixKey(last, salt, tokens, from, from + size);
      PrefixPage next = pages.get(key);
      if (next == null) {
        int page = sequence.page(i);
        if (indexed[page]) {
          break;
        }
        next = new PrefixPage(key.kept(), last, page);
        pages.put(next.key(), next);
        indexed[page] = true;
        cache.pool().hold(page);
        if (last != null) {
          last.children++;
        }
        append(next);
      }
      last = next;
    }
    return last;
  }

  /** How many pages are indexed. */
  public int pages() {
    synchronized (cache.lock) {
      return pages.size();
    }
  }

  /** Forgets everything; pages that nobody else holds are free then. */
  public void clear() {
    synchronized (cache.lock) {
      while (oldest != null) {
        remove(oldest);
      }
    }
  }

  // What follows is for whoever holds the lock.

  /** Lets go of so many pages that nobody else holds, or of none. */
  boolean reclaim(int count) {
    if (mark(count) < count) {
      unmark();
      return false;
    }
    // Whoever leaves takes its mark at its parent along, so that none is left.
    PrefixPage next = oldest;
    for (int left = count; left > 0; ) {
      PrefixPage at = next;
      next = at.newer;
      if (at.leaves) {
        remove(at);
        left--;
      }
    }
    return true;
  }

  /** How many pages could be reclaimed. */
  int reclaimable() {
    int found = mark(Integer.MAX_VALUE);
    unmark();
    return found;
  }

  private void unmark() {
    for (PrefixPage at = oldest; at != null; at = at.newer) {
      at.leaves = false;
      at.leaving = 0;
    }
  }

  /**
   * Marks up to so many pages, the least recently used first, that only the index holds. A page
   * that others stand behind goes only with all of these.
   */
  private int mark(int most) {
    int found = 0;
    for (PrefixPage at = oldest; at != null && found < most; at = at.newer) {
      if (at.leaving == at.children && cache.pool().holders(at.page()) == 1) {
        at.leaves = true;
        found++;
        PrefixPage parent = at.parent();
        if (parent != null) {
          parent.leaving++;
        }
      }
    }
    return found;
  }

  private void remove(PrefixPage page) {
    unlink(page);
    pages.remove(page.key());
    indexed[page.page()] = false;
    cache.pool().release(page.page());
    PrefixPage parent = page.parent();
    if (parent != null) {
      parent.children--;
      parent.leaving = Math.max(0, parent.leaving - 1);
    }
  }

  /** Notes that a page and all before it have been used. */
  private void touch(@Nullable PrefixPage last) {
    for (PrefixPage at = last; at != null; at = at.parent()) {
      unlink(at);
      append(at);
    }
  }

  private void append(PrefixPage page) {
    page.older = newest;
    page.newer = null;
    if (newest == null) {
      oldest = page;
    } else {
      newest.newer = page;
    }
    newest = page;
  }

  private void unlink(PrefixPage page) {
    if (page.older == null) {
      oldest = page.newer;
    } else {
      page.older.newer = page.newer;
    }
    if (page.newer == null) {
      newest = page.older;
    } else {
      page.newer.older = page.older;
    }
  }
}
