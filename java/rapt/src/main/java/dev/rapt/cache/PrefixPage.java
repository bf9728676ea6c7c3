// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import org.jspecify.annotations.Nullable;

/** A page that the prefix index holds, in its tree of texts and in its list by last use. */
final class PrefixPage {
  private final PrefixKey key;
  private final @Nullable PrefixPage parent;
  private final int page;

  /** Pages behind this one. */
  int children;

  /** Those among them that are about to go. */
  int leaving;

  boolean leaves;
  @Nullable PrefixPage older;
  @Nullable PrefixPage newer;

  PrefixPage(PrefixKey key, @Nullable PrefixPage parent, int page) {
    this.key = key;
    this.parent = parent;
    this.page = page;
  }

  PrefixKey key() {
    return key;
  }

  @Nullable PrefixPage parent() {
    return parent;
  }

  int page() {
    return page;
  }
}
