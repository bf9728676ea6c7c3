// SPDX-License-Identifier: Apache-2.0
package dev.rapt.rope;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.RotaryEmbedding;
import dev.rapt.RotaryEmbedding.Tables;
import dev.rapt.Tensor;
import dev.rapt.internal.LargeMemory;
import dev.rapt.internal.natives.NativeLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tables so large that their memory is not the arena's own. */
class LargeTablesTest {
  private static final long HUGE_PAGE = 2L << 20;
  private static final int LENGTH = 16_384;

  /** An arena of somebody else, who wants to be asked. */
  private record Asked(Arena arena, long[] bytes) implements Arena {
    @Override
    public MemorySegment allocate(long size, long alignment) {
      bytes[0] += size;
      return arena.allocate(size, alignment);
    }

    @Override
    public MemorySegment.Scope scope() {
      return arena.scope();
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  @BeforeAll
  static void load() {
    NativeLibrary.require();
  }

  private static Tables tables(Arena arena) {
    return RotaryEmbedding.tables(arena, LENGTH, 128);
  }

  @Test
  void everyArenaGivesTheSameTables() {
    long[] asked = new long[1];
    try (Arena other = new Asked(Arena.ofConfined(), asked);
        Arena confined = Arena.ofConfined();
        Arena shared = Arena.ofShared()) {
      Tables expected = tables(other);
      long size = expected.cosine().segment().byteSize() + expected.sine().segment().byteSize();
      assertTrue(asked[0] >= size, asked[0] + " of " + size + " bytes");
      for (Arena arena : List.of(confined, shared, Arena.ofAuto())) {
        Tables tables = tables(arena);
        for (Tensor table : List.of(tables.cosine(), tables.sine())) {
          assertEquals(0, table.segment().address() % HUGE_PAGE, "not on huge pages");
          assertEquals(LENGTH * 64 * Float.BYTES, table.segment().byteSize());
        }
        assertEquals(-1, expected.cosine().segment().mismatch(tables.cosine().segment()));
        assertEquals(-1, expected.sine().segment().mismatch(tables.sine().segment()));
      }
    }
  }

  @Test
  void theMemoryIsTheArenas() {
    Arena arena = Arena.ofConfined();
    Tables tables = tables(arena);
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      Future<?> refused = other.submit(() -> tables(arena));
      Throwable why = assertThrows(ExecutionException.class, refused::get).getCause();
      assertInstanceOf(WrongThreadException.class, why);
    }
    arena.close();
    assertThrows(IllegalStateException.class, () -> tables.cosine().get(0, 0));
    assertThrows(IllegalStateException.class, () -> tables.sine().segment().fill((byte) 0));
    assertThrows(IllegalStateException.class, () -> tables(arena));
  }

  /** Memory that was somebody's before is zero again, and no arena keeps any. */
  @Test
  void memoryIsZeroAndGoesBack() throws IOException {
    for (int round = 0; round < 3; round++) {
      try (Arena arena = Arena.ofShared()) {
        MemorySegment memory = LargeMemory.allocate(arena, 2 * HUGE_PAGE + 8, 64);
        for (long at = 0; at < memory.byteSize(); at += 8) {
          assertEquals(0, memory.get(ValueLayout.JAVA_LONG, at));
        }
        memory.fill((byte) 1);
      }
    }
    long before = addressSpace();
    for (int round = 0; round < 64; round++) {
      try (Arena arena = Arena.ofConfined()) {
        assertEquals(256 << 20, LargeMemory.allocate(arena, 256 << 20, 64).byteSize());
      }
      Arena closed = Arena.ofConfined();
      closed.close();
      assertThrows(IllegalStateException.class, () -> LargeMemory.allocate(closed, 256 << 20, 64));
    }
    long grown = addressSpace() - before;
    assertTrue(grown < 1L << 30, grown + " bytes more");
  }

  /** More than there is: the arena says so. */
  @Test
  void moreThanThereIsIsRefusedAsAnArenaDoes() {
    try (Arena arena = Arena.ofConfined()) {
      for (long bytes : new long[] {1L << 60, Long.MAX_VALUE - 64}) {
        assertThrows(OutOfMemoryError.class, () -> LargeMemory.allocate(arena, bytes, 64));
      }
      assertThrows(
          OutOfMemoryError.class,
          () -> RotaryEmbedding.tables(arena, DType.F32, 1L << 50, 128, 10_000));
    }
  }

  private static long addressSpace() throws IOException {
    String pages = Files.readString(Path.of("/proc/self/statm")).split(" ")[0];
    return Long.parseLong(pages) << 12;
  }
}
