// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The process's environment as native code sees it; Java's own copy stays as it was. */
final class Environment {
  private static final MethodHandle SETENV =
      handle(
          "setenv",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.ADDRESS,
              ValueLayout.ADDRESS,
              ValueLayout.JAVA_INT));

  private Environment() {}

  /** Sets a variable; the empty value means the default to whoever reads it. */
  static void set(String name, String value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment key = arena.allocateFrom(name);
      assertEquals(0, (int) SETENV.invokeExact(key, arena.allocateFrom(value), 1));
    } catch (Throwable failed) {
      throw new AssertionError(failed);
    }
  }

  @SuppressWarnings("restricted") // a test may
  private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }
}
