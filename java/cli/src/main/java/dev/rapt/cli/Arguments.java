// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The arguments as the user typed them. The JVM decodes them by the locale and so loses the letters
 * that the locale's charset lacks, all but ASCII under LC_ALL=C; Linux keeps their bytes.
 */
final class Arguments {
  private static final Path COMMAND_LINE = Path.of("/proc/self/cmdline");

  private Arguments() {}

  /** Reads the arguments of this process anew, as UTF-8. */
  static String[] asTyped(String[] decoded) {
    try {
      return asTyped(decoded, Files.readAllBytes(COMMAND_LINE), jvmCharset());
    } catch (IOException e) {
      // Without /proc what the JVM made of them is all there is; what it lost is refused.
      return asTyped(decoded, new byte[0], jvmCharset());
    }
  }

  /**
   * Finds the bytes of the arguments at the end of a command line.
   *
   * @param decoded the arguments by the JVM's decoding
   * @param commandLine each part of the command, ended by a zero byte
   * @param charset what the JVM decoded them by
   * @throws CliException if an argument is not UTF-8
   */
  static String[] asTyped(String[] decoded, byte[] commandLine, Charset charset) {
    List<byte[]> parts = split(commandLine);
    int before = parts.size() - decoded.length;
    String[] typed = new String[decoded.length];
    for (int i = 0; i < decoded.length; i++) {
      // A program that calls main itself has other arguments than its process.
      boolean isPart = before >= 0 && new String(parts.get(before + i), charset).equals(decoded[i]);
      typed[i] = isPart ? utf8(parts.get(before + i), i + 1) : complete(decoded[i], i + 1);
    }
    return typed;
  }

  private static List<byte[]> split(byte[] commandLine) {
    List<byte[]> parts = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < commandLine.length; i++) {
      if (commandLine[i] == 0) {
        parts.add(Arrays.copyOfRange(commandLine, start, i));
        start = i + 1;
      }
    }
    return parts;
  }

  private static String utf8(byte[] bytes, int number) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw CliException.usage(
          "argument "
              + number
              + ", "
              + new String(bytes, StandardCharsets.UTF_8)
              + ", is not UTF-8; text and file names must be");
    }
  }

  private static String complete(String decoded, int number) {
    if (decoded.indexOf('\ufffd') >= 0) {
      throw CliException.usage(
          "argument "
              + number
              + " has letters that Java cannot read in this locale; set LC_ALL=C.UTF-8");
    }
    return decoded;
  }

  /** What the JVM reads arguments and writes file names in. */
  static Charset jvmCharset() {
    return Charset.forName(System.getProperty("sun.jnu.encoding"), StandardCharsets.US_ASCII);
  }
}
