// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The tokenizers library says that it does not load, and not why. */
class TokenizerCacheTest {
  @Test
  void aFullDiskIsNamed() {
    assertEquals(", whose disk is full (3 MB are free),", TokenizerCache.room(3_999_999));
    assertEquals(", where 15 MB are free,", TokenizerCache.room(15_000_000));
  }
}
