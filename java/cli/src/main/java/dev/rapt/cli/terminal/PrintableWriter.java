// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.terminal;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;

/**
 * Passes on what is printable, line ends and tabs, and shows everything else as {@link Printable}
 * does. JSON stays JSON: such characters stand only in its strings, where the shown form means the
 * same.
 */
public final class PrintableWriter extends Writer {
  private final PrintWriter sink;

  /** The first half of a pair whose second half is still to come, or 0. */
  private char half;

  /** Writes to the sink, which stays open. */
  public PrintableWriter(PrintWriter sink) {
    this.sink = sink;
  }

  @Override
  public void write(char[] buffer, int offset, int length) {
    int from = offset;
    int end = offset + length;
    for (int i = offset; i < end; i++) {
      char unit = buffer[i];
      if (half == 0 && isPlain(unit)) {
        continue;
      }
      sink.write(buffer, from, i - from);
      from = i + 1;
      take(unit);
    }
    sink.write(buffer, from, end - from);
  }

  private static boolean isPlain(char unit) {
    return unit == '\n' || unit == '\t' || Printable.is(unit);
  }

  private void take(char unit) {
    if (half != 0 && Character.isLowSurrogate(unit)) {
      int codePoint = Character.toCodePoint(half, unit);
      half = 0;
      put(codePoint);
      return;
    }
    showHalf();
    if (Character.isHighSurrogate(unit)) {
      half = unit;
    } else if (isPlain(unit)) {
      sink.write(unit);
    } else {
      sink.write(Printable.shown(unit));
    }
  }

  private void put(int codePoint) {
    sink.write(
        Printable.is(codePoint) ? Character.toString(codePoint) : Printable.shown(codePoint));
  }

  private void showHalf() {
    if (half != 0) {
      sink.write(Printable.shown(half));
      half = 0;
    }
  }

  /**
   * Passes on everything.
   *
   * @throws IOException if nobody reads the sink any more
   */
  @Override
  public void flush() throws IOException {
    showHalf();
    // A PrintWriter keeps its failures to itself.
    if (sink.checkError()) {
      throw new IOException("nobody reads the output any more");
    }
  }

  @Override
  public void close() throws IOException {
    flush();
  }
}
