// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import java.io.IOException;

/**
 * A GGUF file that is broken, or has something that is not supported: one sentence that says what.
 */
public final class GgufException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Longest name of a file's own that a sentence quotes. */
  private static final int MOST_QUOTED = 80;

  /** Names what was found and what was allowed. */
  public GgufException(String message) {
    super(message);
  }

  /** A string of the file, short enough for a sentence. */
  public static String quoted(String text) {
    return text.length() <= MOST_QUOTED
        ? "'" + text + "'"
        : "'" + text.substring(0, MOST_QUOTED) + "…' (" + text.length() + " characters)";
  }
}
