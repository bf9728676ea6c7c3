// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cache;

import java.io.IOException;

/** What was read is not a saved sequence, not all of it, not of such a cache, or was altered. */
public final class SavedSequenceException extends IOException {
  private static final long serialVersionUID = 1L;

  SavedSequenceException(String message) {
    super(message);
  }
}
