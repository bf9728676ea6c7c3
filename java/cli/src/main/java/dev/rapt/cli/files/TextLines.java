// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The lines of UTF-8 text, each decoded by itself, so that a bad byte costs its own line only. A
 * byte order mark at the start is dropped. Not thread-safe.
 */
public final class TextLines implements AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final char BYTE_ORDER_MARK = '\ufeff';

  private final InputStream in;
  private final Consumer<String> faults;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int position;
  private int limit;
  private boolean afterCarriageReturn;
  private long number;

  /**
   * A line.
   *
   * @param number counted from 1
   * @param text without its end
   */
  public record Line(long number, String text) {
    /** True if there is nothing but spaces, of whatever kind and width. */
    public boolean isBlank() {
      return text.codePoints().allMatch(c -> Character.isWhitespace(c) || Character.isSpaceChar(c));
    }
  }

  /**
   * Reads from a stream, which it closes.
   *
   * @param faults told of each line that is no UTF-8, which is then left out; may throw to stop
   */
  public TextLines(InputStream in, Consumer<String> faults) {
    this.in = in;
    this.faults = faults;
  }

  /** The next line that is UTF-8, or null at the end. */
  public @Nullable Line next() throws IOException {
    for (byte[] bytes = nextBytes(); bytes != null; bytes = nextBytes()) {
      number++;
      String text = decode(bytes);
      if (text != null) {
        return new Line(number, text);
      }
    }
    return null;
  }

  private @Nullable String decode(byte[] bytes) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer from = ByteBuffer.wrap(bytes);
    CharBuffer to = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(from, to, true);
    if (result.isError()) {
      faults.accept(
          String.format(
              Locale.ROOT,
              "line %d is not UTF-8 text: its byte %d is 0x%02x",
              number,
              from.position() + 1,
              bytes[from.position()]));
      return null;
    }
    String text = to.flip().toString();
    boolean marked = number == 1 && !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK;
    return marked ? text.substring(1) : text;
  }

  /** Lines end as Java's readers take them: by a line feed, a carriage return, or both. */
  private byte @Nullable [] nextBytes() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    boolean started = false;
    while (position < limit || fill()) {
      if (afterCarriageReturn) {
        afterCarriageReturn = false;
        if (buffer[position] == '\n') {
          position++;
          continue;
        }
      }
      started = true;
      int end = position;
      while (end < limit && buffer[end] != '\n' && buffer[end] != '\r') {
        end++;
      }
      line.write(buffer, position, end - position);
      position = end;
      if (end < limit) {
        afterCarriageReturn = buffer[position++] == '\r';
        return line.toByteArray();
      }
    }
    return started ? line.toByteArray() : null;
  }

  private boolean fill() throws IOException {
    position = 0;
    limit = Math.max(0, in.read(buffer));
    return limit > 0;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
