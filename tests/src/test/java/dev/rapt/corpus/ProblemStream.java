// SPDX-License-Identifier: Apache-2.0
package dev.rapt.corpus;

import dev.rapt.DType;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Problems as the native corpus draws them, from a process of its own that sends them in the form
 * that tests/native/corpus/send.h describes.
 */
final class ProblemStream implements AutoCloseable {
  private static final int ALIGNMENT = 64;
  private static final int CHUNK = 1 << 16;
  private static final int WORDS_OF_AN_ARRAY = 5 + 2 * ProblemArray.RANK;

  private final Process process;
  private final InputStream in;
  private final byte[] chunk = new byte[CHUNK];

  /** The problems {@code from} to {@code to}, both included. */
  ProblemStream(Path corpus, int from, int to) throws IOException {
    process =
        new ProcessBuilder(corpus.toString(), "--send", "--from", "" + from, "--to", "" + to)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    in = process.getInputStream();
  }

  /** The next problem, with its memory in {@code arena}; null after the last. */
  Problem next(Arena arena) throws IOException {
    String head = line();
    if (head == null) {
      return null;
    }
    String[] words = head.split(" ");
    Map<String, String> drawn = new HashMap<>();
    for (String word : Arrays.asList(words).subList(2, words.length)) {
      int equals = word.indexOf('=');
      drawn.put(word.substring(0, equals), word.substring(equals + 1));
    }
    return new Problem(Integer.parseInt(words[0]), words[1], drawn, arrays(arena));
  }

  private Map<String, ProblemArray> arrays(Arena arena) throws IOException {
    Map<String, ProblemArray> arrays = new LinkedHashMap<>();
    for (String line = line(); !"".equals(line); line = line()) {
      if (line == null) {
        throw new EOFException("the corpus ended inside a problem");
      }
      String[] words = line.split(" ");
      if (words.length != WORDS_OF_AN_ARRAY) {
        throw new IOException("not an array: " + line);
      }
      String name = words[0];
      DType dtype = DType.valueOf(words[1].toUpperCase(Locale.ROOT));
      long[] layout =
          Arrays.stream(words, 2, words.length - 1).mapToLong(Long::parseLong).toArray();
      String owner = words[words.length - 1];
      arrays.put(
          name,
          new ProblemArray(
              dtype,
              Arrays.copyOf(layout, ProblemArray.RANK),
              Arrays.copyOfRange(layout, ProblemArray.RANK, 2 * ProblemArray.RANK),
              layout[2 * ProblemArray.RANK] / dtype.bytes(),
              owner.equals(name)
                  ? memory(arena, layout[2 * ProblemArray.RANK + 1])
                  : arrays.get(owner).memory()));
    }
    return arrays;
  }

  /** Ends at a multiple of 64 bytes, so that it begins wherever an element may. */
  private MemorySegment memory(Arena arena, long bytes) throws IOException {
    long lead = Math.floorMod(-bytes, ALIGNMENT);
    MemorySegment memory = arena.allocate(lead + bytes, ALIGNMENT).asSlice(lead, bytes);
    for (long at = 0; at < bytes; ) {
      int count = in.readNBytes(chunk, 0, (int) Math.min(CHUNK, bytes - at));
      if (count == 0) {
        throw new EOFException("the corpus ended inside an array");
      }
      MemorySegment.copy(MemorySegment.ofArray(chunk), 0, memory, at, count);
      at += count;
    }
    return memory;
  }

  /** Without its end; null where there is none left. */
  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    int next = in.read();
    if (next < 0) {
      return null;
    }
    for (; next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("the corpus ended inside a line: " + line);
      }
      line.append((char) next);
    }
    return line.toString();
  }

  /** How the process ended, once it has sent all. */
  int exitStatus() throws InterruptedException {
    return process.waitFor();
  }

  @Override
  public void close() {
    process.destroy();
  }
}
