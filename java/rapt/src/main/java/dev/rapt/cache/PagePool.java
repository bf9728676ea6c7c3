// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

/**
 * Who holds which page, by number. Free pages are taken from the lowest on as long as none was
 * given back, so that memory is touched as it is needed. Not thread-safe: the cache's lock guards
 * it.
 */
final class PagePool {
  private final int[] holders;
  private final int[] free;
  private int freeCount;
  private int sharedCount;

  PagePool(int pages) {
    holders = new int[pages];
    free = new int[pages];
    for (int i = 0; i < pages; i++) {
      free[i] = pages - 1 - i;
    }
    freeCount = pages;
  }

  int pages() {
    return holders.length;
  }

  int free() {
    return freeCount;
  }

  /** Pages that are held more than once. */
  int shared() {
    return sharedCount;
  }

  int holders(int page) {
    return holders[page];
  }

  /** A free page, which then has one holder. There must be one. */
  int take() {
    int page = free[--freeCount];
    holders[page] = 1;
    return page;
  }

  /** One holder more. */
  void hold(int page) {
    if (holders[page]++ == 1) {
      sharedCount++;
    }
  }

  /** One holder less; without any the page is free. */
  void release(int page) {
    int left = --holders[page];
    if (left == 1) {
      sharedCount--;
    } else if (left == 0) {
      free[freeCount++] = page;
    }
  }
}
