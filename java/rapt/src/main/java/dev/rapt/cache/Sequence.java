// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A text: the tokens whose keys and values a {@link KvCache} has, in order. It grows by steps, and
 * may share pages with others; nobody sees what it writes.
 *
 * {@snippet :
 * try (Sequence prompt = cache.newSequence()) {
 *   // ... a step reads the prompt, then
 *   try (Sequence first = prompt.fork();
 *       Sequence second = prompt.fork()) {
 *     // each goes on by itself; the prompt's pages are there once
 *   }
 * }
 * }
 *
 * <p>Thread-safe. While it is in a step or being saved, everything but {@link #length()} throws
 * {@link IllegalStateException}.
 */
public final class Sequence implements AutoCloseable {
  private static final int[] NONE = {};

  private final KvCache cache;
  private final long number;

  // All under the cache's lock. The first entries are pages, as many as the length fills.
  private int[] pages;
  private int length;
  private @Nullable Object user;
  private boolean closed;

  /** Has room in its list for so many pages. */
  Sequence(KvCache cache, long number, int room) {
    this.cache = cache;
    this.number = number;
    pages = room == 0 ? NONE : new int[room];
  }

  /** Shares the pages of another one. With the lock held. */
  Sequence(KvCache cache, long number, Sequence parent) {
    this(cache, number, 0);
    adopt(parent.pages.clone(), parent.length);
  }

  /** Holds pages that others hold, too: as many of these as the tokens fill. With the lock held. */
  void adopt(int[] shared, int tokens) {
    pages = shared;
    length = tokens;
    for (int i = 0; i < pageCount(); i++) {
      cache.pool().hold(shared[i]);
    }
  }

  /** Tokens so far, those of a step only once it is committed. */
  public int length() {
    synchronized (cache.lock) {
      return length;
    }
  }

  /** The cache that this is a text of. */
  public KvCache cache() {
    return cache;
  }

  /**
   * Another text of the same tokens, which holds the same pages. The caller closes it.
   *
   * @throws IllegalStateException where the sequence is closed or in use, or the cache is closed
   */
  public Sequence fork() {
    cache.lifetime().enter();
    try {
      synchronized (cache.lock) {
        checkIdle();
        return cache.fork(this);
      }
    } finally {
      cache.lifetime().exit();
    }
  }

  /**
   * Forgets all tokens but the first ones, and gives back pages that hold none of these.
   *
   * @throws IllegalArgumentException where there are fewer tokens
   * @throws IllegalStateException where the sequence is closed or in use
   */
  public void truncate(int tokens) {
    synchronized (cache.lock) {
      checkIdle();
      if (tokens < 0 || tokens > length) {
        throw new IllegalArgumentException(
            "the tokens to keep are " + tokens + "; allowed: 0 to " + length + ", the length");
      }
      keep(tokens);
    }
  }

  /**
   * Writes the keys and values of all tokens, with a checksum, for {@link KvCache#restore}.
   *
   * @param channel a blocking one
   * @throws IOException where the channel fails
   * @throws IllegalStateException where the sequence is closed or in use, or the cache is closed
   */
  public void save(WritableByteChannel channel) throws IOException {
    Objects.requireNonNull(channel, "channel");
    cache.lifetime().enter();
    try {
      synchronized (cache.lock) {
        checkIdle();
        user = "a save";
      }
      try {
        SavedSequence.save(cache, this, channel);
      } finally {
        synchronized (cache.lock) {
          unuse();
        }
      }
    } finally {
      cache.lifetime().exit();
    }
  }

  private void keep(int tokens) {
    int needed = cache.shape().pagesOf(tokens);
    for (int i = pageCount() - 1; i >= needed; i--) {
      cache.pool().release(pages[i]);
    }
    length = tokens;
  }

  /**
   * Gives all pages back. Idempotent.
   *
   * @throws IllegalStateException where the sequence is in use; it stays open then
   */
  @Override
  public void close() {
    synchronized (cache.lock) {
      if (closed) {
        return;
      }
      checkIdle();
      keep(0);
      pages = NONE;
      closed = true;
    }
  }

  /** Whether it has been closed. */
  public boolean isClosed() {
    synchronized (cache.lock) {
      return closed;
    }
  }

  /** For example {@code sequence 3 of 40 tokens}. */
  @Override
  public String toString() {
    synchronized (cache.lock) {
      return "sequence " + number + " of " + length + " tokens";
    }
  }

  // What follows is for whoever holds the lock, or uses this sequence.

  /** Notes who uses this from now on; others are refused. */
  void use(Object by) {
    if (user == by) {
      throw new IllegalStateException(this + " is in this step already; allowed: once");
    }
    checkIdle();
    user = by;
  }

  void unuse() {
    user = null;
  }

  void checkIdle() {
    if (closed) {
      throw new IllegalStateException(this + " is closed");
    }
    if (user != null) {
      throw new IllegalStateException(
          this + " is in use by " + user + "; allowed: after that has ended");
    }
  }

  int tokens() {
    return length;
  }

  int pageCount() {
    return cache.shape().pagesOf(length);
  }

  int page(int index) {
    return pages[index];
  }

  /** Whether its last page has. */
  boolean hasRoom() {
    return length % cache.shape().pageSize() != 0;
  }

  /** Makes its list long enough for so many pages. */
  void makeRoom(int count) {
    if (count > pages.length) {
      pages = Arrays.copyOf(pages, Math.max(count, 2 * pages.length));
    }
  }

  /**
   * Takes over pages behind the first ones, which it may have had before, and so many tokens. There
   * must be room for them.
   */
  void grow(int keptPages, int[] more, int count, int tokens) {
    for (int i = keptPages; i < pageCount(); i++) {
      cache.pool().release(pages[i]);
    }
    System.arraycopy(more, 0, pages, keptPages, count);
    length += tokens;
  }
}
