// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.load;

import java.io.PrintWriter;
import java.io.StringWriter;

/** Exceptions that nobody promised, as text. */
final class Failures {
  private Failures() {}

  /** With the stack, which is what one needs. */
  static String text(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text, true));
    return text.toString().strip();
  }
}
