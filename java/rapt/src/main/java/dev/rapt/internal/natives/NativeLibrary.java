// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.natives;

import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.internal.LibrarySymbols;
import org.jspecify.annotations.Nullable;

/** The native library, loaded at most once. */
public final class NativeLibrary {
  private NativeLibrary() {}

  /** Decided on first use, success or failure: a binding whose initializer failed stays so. */
  private static final class Holder {
    static final @Nullable String SOURCE;
    static final String FAILURE;

    static {
      String source = null;
      String failure = "";
      try {
        LibraryLoader loader = new LibraryLoader();
        source = loader.load();
        LibrarySymbols.set(loader.symbols());
        AbiProbe.check();
      } catch (RuntimeException | LinkageError unusable) {
        failure = describe(unusable);
      }
      SOURCE = source;
      FAILURE = failure;
    }
  }

  private static String describe(Throwable unusable) {
    String message = unusable.getMessage();
    if (message != null) {
      return message;
    }
    // A missing symbol surfaces as the failed initializer of a binding, whose cause has the name.
    Throwable cause = unusable.getCause();
    return "the native library does not fit: " + (cause == null ? unusable : cause);
  }

  /** Why the library cannot be used; empty where it can. */
  public static String failure() {
    return Holder.FAILURE;
  }

  /** Where the library was loaded from; empty where it was not. */
  public static String source() {
    return Holder.SOURCE == null ? "" : Holder.SOURCE;
  }

  /** Loads the library, or says why that is impossible. */
  public static void require() {
    if (!Holder.FAILURE.isEmpty()) {
      throw new RaptException(RaptStatus.DEVICE_UNAVAILABLE, Holder.FAILURE);
    }
  }
}
