// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Text of the bytes that tokens stand for, as they come: a letter appears when its last byte is
 * there. What is not UTF-8 becomes U+FFFD. Not thread-safe.
 */
public final class TextStream {
  /** A letter has four bytes at most, of which three may have to wait. */
  private static final int MOST_WAITING = 3;

  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);

  private byte[] waiting = {};

  /** Takes the next bytes and returns the text that is complete by them; it may be empty. */
  public String append(byte[] bytes) {
    return decode(bytes, false);
  }

  /** The text of bytes that no others will follow. */
  public String finish() {
    String rest = decode(new byte[] {}, true);
    decoder.reset();
    return rest;
  }

  private String decode(byte[] bytes, boolean last) {
    ByteBuffer in =
        ByteBuffer.allocate(waiting.length + bytes.length).put(waiting).put(bytes).flip();
    CharBuffer out = CharBuffer.allocate(in.remaining() + MOST_WAITING);
    decoder.decode(in, out, last);
    if (last) {
      decoder.flush(out);
    }
    waiting = new byte[in.remaining()];
    in.get(waiting);
    return out.flip().toString();
  }
}
