// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A page's tokens behind those of another page, or at the beginning of texts of one salt. The hash
 * of a page takes in that of the page before it.
 */
final class PrefixKey {
  private final @Nullable PrefixPage parent;
  private final String salt;
  private final int[] tokens;
  private final int from;
  private final int to;
  private final int hash;

  PrefixKey(@Nullable PrefixPage parent, String salt, int[] tokens, int from, int to) {
    this.parent = parent;
    this.salt = salt;
    this.tokens = tokens;
    this.from = from;
    this.to = to;
    hash = hash(parent == null ? salt.hashCode() : parent.key().hash, tokens, from, to);
  }

  static int hash(int before, int[] tokens, int from, int to) {
    long hash = before;
    for (int i = from; i < to; i++) {
      hash = (hash ^ tokens[i]) * 0x9E3779B97F4A7C15L;
      hash ^= hash >>> 32;
    }
    return (int) hash;
  }

  /** The same with tokens of its own, to be kept. */
  PrefixKey kept() {
    int[] own = Arrays.copyOfRange(tokens, from, to);
    return new PrefixKey(parent, salt, own, 0, own.length);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof PrefixKey key
        && key.hash == hash
        && key.parent == parent
        && key.salt.equals(salt)
        && Arrays.equals(key.tokens, key.from, key.to, tokens, from, to);
  }

  @Override
  public int hashCode() {
    return hash;
  }
}
