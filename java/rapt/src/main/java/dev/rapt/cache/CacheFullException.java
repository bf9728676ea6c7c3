// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

/**
 * A cache has too few pages left for what was asked. Nothing has changed: once another sequence is
 * closed or shortened, the same call may succeed.
 */
public final class CacheFullException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Pages that were asked for. */
  private final int needed;

  /** Pages that could be had. */
  private final int available;

  CacheFullException(String what, int needed, int available, int pages) {
    super(
        what
            + " needs "
            + needed
            + (needed == 1 ? " page" : " pages")
            + "; allowed: "
            + available
            + ", which are free of the cache's "
            + pages);
    this.needed = needed;
    this.available = available;
  }

  /** Pages that were asked for. */
  public int needed() {
    return needed;
  }

  /** Pages that could be had, those that only the prefix index holds among them. */
  public int available() {
    return available;
  }
}
