// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pages for the next tokens of a sequence, until it takes them over or gives them back. If the
 * sequence shares its last page and that has room, the first of these takes its place. May be used
 * again; the cache's lock guards it, except where it says otherwise.
 */
final class Reservation {
  private @Nullable Sequence sequence;
  private int tokens;
  private int kept;
  private int count;
  private int[] pages = new int[4];

  /**
   * Takes what so many tokens need.
   *
   * @param others reservations of the same step: if all who share the sequence's last page are
   *     about to leave it for a copy, and none of them has rows where this one writes, it stays
   * @throws CacheFullException where there is not as much; nothing is changed then
   * @throws IllegalStateException where the sequence is closed or in use
   * @throws IllegalArgumentException where it would have more tokens than an int counts
   */
  void take(KvCache cache, Sequence of, int more, Object user, List<Reservation> others) {
    of.use(user);
    try {
      if (more > Integer.MAX_VALUE - of.tokens()) {
        throw new IllegalArgumentException(
            of + " would get " + more + " more; allowed: " + Integer.MAX_VALUE + " in all");
      }
      int have = of.pageCount();
      int keep = of.hasRoom() && shared(cache, of, others) ? have - 1 : have;
      int need = cache.shape().pagesOf(of.tokens() + more) - keep;
      cache.require(of, need);
      if (need > pages.length) {
        pages = new int[Math.max(need, 2 * pages.length)];
      }
      of.makeRoom(keep + need); // before anything is taken, so that a commit cannot fail
      for (int i = 0; i < need; i++) {
        pages[i] = cache.pool().take();
      }
      sequence = of;
      tokens = more;
      kept = keep;
      count = need;
    } catch (RuntimeException | Error e) {
      of.unuse();
      throw e;
    }
  }

  private static boolean shared(KvCache cache, Sequence of, List<Reservation> others) {
    int last = of.page(of.pageCount() - 1);
    int staying = cache.pool().holders(last) - 1;
    for (int i = 0; staying > 0 && i < others.size(); i++) {
      Reservation other = others.get(i);
      // Were the step rolled back, the other one would come back to its own rows.
      if (other.leaves(last) && other.before() <= of.tokens()) {
        staying--;
      }
    }
    return staying > 0;
  }

  private boolean leaves(int page) {
    Sequence of = sequence();
    return kept < of.pageCount() && of.page(kept) == page;
  }

  /** Ends it: the sequence has the tokens. Takes no memory, so that it cannot fail. */
  void commit() {
    Sequence of = sequence();
    of.grow(kept, pages, count, tokens);
    of.unuse();
    sequence = null;
    count = 0;
  }

  /** Ends it: the sequence is as it was. Without a reservation it does nothing. */
  void rollback(KvCache cache) {
    Sequence of = sequence;
    if (of == null) {
      return;
    }
    for (int i = count - 1; i >= 0; i--) {
      cache.pool().release(pages[i]);
    }
    of.unuse();
    sequence = null;
    count = 0;
  }

  // While the reservation lasts its sequence does not change, so that these need no lock.

  Sequence sequence() {
    Sequence of = sequence;
    if (of == null) {
      throw new AssertionError("no sequence");
    }
    return of;
  }

  int tokens() {
    return tokens;
  }

  /** Tokens that the sequence has before these. */
  int before() {
    return sequence().tokens();
  }

  int pageCount() {
    return kept + count;
  }

  int page(int index) {
    return index < kept ? sequence().page(index) : pages[index - kept];
  }

  /** Fills the page that takes another's place with what that holds. */
  void copySharedPage(CacheMemory memory) {
    Sequence of = sequence();
    if (kept < of.pageCount()) {
      memory.copyPage(of.page(kept), pages[0]);
    }
  }
}
