// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The functions of the loaded library, where the generated bindings look theirs up. Their constants
 * are used before, and without, a library.
 */
public final class LibrarySymbols {
  private static volatile @Nullable SymbolLookup loaded;

  private LibrarySymbols() {}

  /** Says which library was loaded. */
  public static void set(SymbolLookup symbols) {
    loaded = symbols;
  }

  public static boolean isLoaded() {
    return loaded != null;
  }

  /** The function of that name; empty where there is none or no library. */
  public static Optional<MemorySegment> find(String name) {
    SymbolLookup symbols = loaded;
    return symbols == null ? Optional.empty() : symbols.find(name);
  }
}
