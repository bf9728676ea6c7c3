// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Zeroed memory of an arena, on huge pages where it fills some. An arena's own memory lies on pages
 * of 4 KiB, whose first touch is a fault each: on some virtual machines all of them take longer
 * than computing what comes there.
 *
 * <p>For memory that is made once: the JVM does not count it as direct memory, so that no amount of
 * it makes the garbage collector look for automatic arenas to close.
 */
public final class LargeMemory {
  private static final long HUGE_PAGE = 2L << 20;
  private static final int MADV_HUGEPAGE = 14;

  private LargeMemory() {}

  // Functions of the C library, linked on first use.

  private static final class Calloc {
    static final FunctionDescriptor DESC =
        FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG);
    static final MethodHandle HANDLE =
        Linker.nativeLinker().downcallHandle(address("calloc"), DESC);
  }

  private static final class Madvise {
    static final FunctionDescriptor DESC =
        FunctionDescriptor.of(
            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT);
    static final MethodHandle HANDLE =
        Linker.nativeLinker().downcallHandle(address("madvise"), DESC);
  }

  private static final class Free {
    static final FunctionDescriptor DESC = FunctionDescriptor.ofVoid(ValueLayout.ADDRESS);
    static final MethodHandle HANDLE = Linker.nativeLinker().downcallHandle(address("free"), DESC);
  }

  private static MemorySegment address(String name) {
    return Linker.nativeLinker().defaultLookup().findOrThrow(name);
  }

  /**
   * Memory that belongs to the arena as its own does. It is the arena's own where the native
   * library is not loaded, since the JVM's first downcall takes as long as thousands of faults; and
   * where the arena is not the JDK's, since its author expects to be asked.
   */
  public static MemorySegment allocate(Arena arena, long bytes, long alignment) {
    boolean known = arena.getClass().getModule() == Arena.class.getModule();
    if (bytes < HUGE_PAGE || !known || !LibrarySymbols.isLoaded()) {
      return arena.allocate(bytes, alignment);
    }
    // What comes fresh from the system is zero, and calloc knows it: nothing is touched before it
    // is advised.
    MemorySegment memory = calloc(bytes + HUGE_PAGE);
    if (memory.address() == 0) {
      return arena.allocate(bytes, alignment);
    }
    long before = -memory.address() & (HUGE_PAGE - 1);
    MemorySegment segment;
    try {
      segment = memory.reinterpret(bytes + HUGE_PAGE, arena, LargeMemory::free);
    } catch (RuntimeException closed) {
      free(memory);
      throw closed;
    }
    segment = segment.asSlice(before, bytes);
    advise(segment);
    return segment;
  }

  private static MemorySegment calloc(long bytes) {
    try {
      return (MemorySegment) Calloc.HANDLE.invokeExact(1L, bytes);
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }

  /** Where the system has no huge pages, the memory is as good. */
  private static void advise(MemorySegment segment) {
    try {
      int unused = (int) Madvise.HANDLE.invokeExact(segment, segment.byteSize(), MADV_HUGEPAGE);
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }

  private static void free(MemorySegment memory) {
    try {
      Free.HANDLE.invokeExact(memory);
    } catch (Throwable impossible) {
      throw new AssertionError(impossible);
    }
  }
}
