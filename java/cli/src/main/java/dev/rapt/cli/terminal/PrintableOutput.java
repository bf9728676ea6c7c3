// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.terminal;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import org.jspecify.annotations.Nullable;

/**
 * What commands print on: makes everything printable, and knows why printing failed, which a
 * PrintWriter keeps to itself.
 */
public final class PrintableOutput extends PrintWriter {
  private final PrintableWriter writer;

  /** Prints to the sink, which stays open. */
  public PrintableOutput(Writer sink) {
    PrintableWriter printable = new PrintableWriter(sink);
    super(printable, true);
    writer = printable;
  }

  /** Passes on everything printed, and says why something did not get through; null = all did. */
  public @Nullable IOException failure() {
    flush();
    return writer.failure();
  }

  /**
   * Prints a line as it stands. Only for lines of which every part went through {@link Printable}:
   * it lets the isolates through that {@link Printable#isolated} puts around a part.
   */
  public void printlnPrintable(String line) {
    flush();
    writer.writePrintable(line + "\n");
    flush();
  }
}
