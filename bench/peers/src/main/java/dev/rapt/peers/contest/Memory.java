// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Memory of operands, on huge pages where the system gives them, as the native benchmark takes it:
 * on small ones decoding reads some percent slower, and the two programs would not agree.
 */
@SuppressWarnings("restricted") // calls the C library
final class Memory {
  private static final long HUGE_PAGE = 2L << 20;
  private static final long ALIGNMENT = 64;

  // Of Linux.
  private static final int READ_AND_WRITE = 3;
  private static final int PRIVATE_AND_ANONYMOUS = 0x22;
  private static final int ADVISE_HUGE_PAGES = 14;

  private static final MethodHandle MAP =
      handle(
          "mmap",
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG));
  private static final MethodHandle UNMAP =
      handle(
          "munmap",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
  private static final MethodHandle ADVISE =
      handle(
          "madvise",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_INT));

  private Memory() {}

  /** Zeroed; freed with the arena. */
  static MemorySegment take(Arena arena, long bytes) {
    if (bytes < HUGE_PAGE) {
      return arena.allocate(bytes, ALIGNMENT);
    }
    try {
      long address =
          (long) MAP.invokeExact(0L, bytes, READ_AND_WRITE, PRIVATE_AND_ANONYMOUS, -1, 0L);
      if (address == -1) {
        throw new OutOfMemoryError("no memory for a tensor of " + (bytes >> 20) + " MiB");
      }
      // Only a hint: what it answers does not matter.
      int unused = (int) ADVISE.invokeExact(address, bytes, ADVISE_HUGE_PAGES);
      return MemorySegment.ofAddress(address).reinterpret(bytes, arena, Memory::giveBack);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static void giveBack(MemorySegment memory) {
    try {
      int unused = (int) UNMAP.invokeExact(memory.address(), memory.byteSize());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static MethodHandle handle(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
  }
}
