// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.terminal;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import org.jspecify.annotations.Nullable;

/**
 * Passes on what is printable, line ends and tabs, and shows everything else as {@link Printable}
 * does. JSON stays JSON: such characters stand only in its strings, where the shown form means the
 * same.
 */
public final class PrintableWriter extends Writer {
  private final Writer sink;

  /** Why the sink took no more. */
  private @Nullable IOException failure;

  /** The first half of a pair whose second half is still to come, or 0. */
  private char half;

  /** Writes to the sink, which stays open. */
  public PrintableWriter(Writer sink) {
    this.sink = sink;
  }

  @Override
  public void write(char[] buffer, int offset, int length) throws IOException {
    try {
      writeShown(buffer, offset, length);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private void writeShown(char[] buffer, int offset, int length) throws IOException {
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

  private void take(char unit) throws IOException {
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

  private void put(int codePoint) throws IOException {
    sink.write(
        Printable.is(codePoint) ? Character.toString(codePoint) : Printable.shown(codePoint));
  }

  private void showHalf() throws IOException {
    if (half != 0) {
      sink.write(Printable.shown(half));
      half = 0;
    }
  }

  /** Writes what is printable already. */
  void writePrintable(String text) {
    try {
      sink.write(text);
    } catch (IOException e) {
      failed(e);
    }
  }

  /**
   * Passes on everything.
   *
   * @throws IOException if the sink takes no more
   */
  @Override
  public void flush() throws IOException {
    try {
      showHalf();
      sink.flush();
      // A PrintWriter keeps its failures to itself.
      if (sink instanceof PrintWriter printed && printed.checkError()) {
        throw new IOException("nobody reads the output any more");
      }
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private IOException failed(IOException e) {
    if (failure == null) {
      failure = e;
    }
    return e;
  }

  /** The first failure of the sink; null = there was none. */
  @Nullable IOException failure() {
    return failure;
  }

  @Override
  public void close() throws IOException {
    flush();
  }
}
