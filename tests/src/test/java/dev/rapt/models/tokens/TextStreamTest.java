// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Text appears letter by letter, never in halves. */
class TextStreamTest {
  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  @Test
  void lettersWaitForTheirLastByte() {
    TextStream stream = new TextStream();
    assertEquals("a", stream.append(bytes('a', 0xf0)));
    assertEquals("", stream.append(bytes(0x9f)));
    assertEquals("", stream.append(bytes(0x98)));
    assertEquals("\ud83d\ude00b", stream.append(bytes(0x80, 'b')));
    assertEquals("", stream.finish());
  }

  @Test
  void whatIsNotUtf8IsReplaced() {
    TextStream stream = new TextStream();
    assertEquals("\ufffd", stream.append(bytes(0xff)));
    assertEquals("", stream.append(bytes(0xe2, 0x82)));
    assertEquals("\ufffdx", stream.append(bytes('x')));
    assertEquals("", stream.append(bytes(0xe2)));
    assertEquals("\ufffd", stream.finish());
    assertEquals("again", stream.append("again".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void anyCutsGiveTheSameText() {
    Random random = new Random(1);
    for (int round = 0; round < 500; round++) {
      String text = TokenFiles.text(random, 40);
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      TextStream stream = new TextStream();
      StringBuilder read = new StringBuilder();
      for (int from = 0, to; from < bytes.length; from = to) {
        to = Math.min(bytes.length, from + random.nextInt(4));
        read.append(stream.append(Arrays.copyOfRange(bytes, from, to)));
      }
      assertEquals(text, read + stream.finish());
    }
  }
}
