// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import dev.rapt.check.Tier;
import dev.rapt.models.llama.LlamaModel;
import dev.rapt.models.llama.LlamaSequence;
import dev.rapt.models.llama.SmallestLlama;
import dev.rapt.models.tokens.GgufTokenizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Files with a few bytes of their headers changed, or cut off: each is refused by a sentence, or is
 * a valid file whose tokenizer and model either load and run, or are refused by a sentence.
 */
class GgufMutationTest {
  private static final int SHORT = 20_000;
  private static final int FULL = 1_000_000;

  /** What the heap may hold of a header: keys, names and objects that stand for them. */
  private static final int HEAP_PER_BYTE = 16;

  private static final int HEAP_AT_LEAST = 1 << 16;

  /** Numbers that are at the edge of something. */
  private static final long[] EDGES = {
    0,
    1,
    -1,
    2,
    7,
    31,
    32,
    255,
    256,
    65_535,
    65_536,
    Integer.MAX_VALUE,
    1L << 31,
    1L << 32,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MIN_VALUE + 1,
    1L << 62,
    -32
  };

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @Test
  void headersWithOtherBytes() {
    SmallestLlama llama = new SmallestLlama();
    byte[] whole = llama.bytes();
    int header = llama.headerBytes();
    int count = System.getenv("RAPT_TEST_FULL") == null ? SHORT : FULL;
    int valid = 0;
    int ran = 0;
    for (int number = 0; number < count; number++) {
      byte[] bytes = mutate(whole, header, new Random(number));
      try {
        valid += open(bytes) ? 1 : 0;
        ran += run(bytes) ? 1 : 0;
      } catch (RuntimeException | Error wrong) {
        fail("mutation " + number + " is not refused as it must be", wrong);
      }
    }
    // Most bytes of a header change its meaning, some only a name that nobody asks for.
    assertTrue(valid > count / 50 && valid < count * 9 / 10, valid + " of " + count);
    assertTrue(ran > 0 && ran < valid, ran + " of " + valid);
  }

  private static byte[] mutate(byte[] whole, int header, Random random) {
    byte[] bytes = whole.clone();
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      int at = random.nextInt(header - 8);
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> buffer.putInt(at, (int) EDGES[random.nextInt(EDGES.length)]);
        case 3 -> buffer.putLong(at, EDGES[random.nextInt(EDGES.length)]);
        default -> {
          int from = random.nextInt(header - 8);
          System.arraycopy(whole, from, bytes, at, Math.min(8, header - Math.max(from, at)));
        }
      }
    }
    boolean cut = random.nextInt(16) == 0;
    return cut ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
  }

  /** Whether it is a valid file; the heap that reading it takes is bounded by its size. */
  private boolean open(byte[] bytes) {
    MemorySegment segment = MemorySegment.ofArray(bytes);
    long most = HEAP_AT_LEAST + (long) HEAP_PER_BYTE * bytes.length;
    boolean valid = false;
    long heap = Long.MAX_VALUE;
    // The first time that a sentence is made, the JVM links what makes it.
    for (int time = 0; time < 2 && heap > most; time++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      try {
        GgufFile.of(segment);
        valid = true;
      } catch (GgufException sentence) {
        assertSentence(sentence.getMessage());
      }
      heap = threads.getCurrentThreadAllocatedBytes() - before;
    }
    assertTrue(heap <= most, heap + " bytes of heap for a file of " + bytes.length);
    return valid;
  }

  /** Whether a model and its tokenizer load and run. */
  private static boolean run(byte[] bytes) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment segment = arena.allocate(bytes.length, 64);
      segment.copyFrom(MemorySegment.ofArray(bytes));
      try (GgufFile file = GgufFile.of(segment);
          GgufTokenizer tokenizer = GgufTokenizer.read(file);
          LlamaModel model = LlamaModel.load(Tier.usable().getLast().device(), file);
          LlamaSequence sequence = model.newSequence(1)) {
        int[] tokens = tokenizer.encode("ab ü");
        assertTrue(tokens.length > 0);
        for (int token : tokens) {
          tokenizer.bytes(token);
        }
        assertEquals(model.vocabulary(), sequence.append(0).length);
        return true;
      } catch (IOException sentence) {
        assertSentence(sentence.getMessage());
        return false;
      }
    }
  }

  private static void assertSentence(String message) {
    assertTrue(message.length() > 20 && message.length() < 700, message);
  }
}
