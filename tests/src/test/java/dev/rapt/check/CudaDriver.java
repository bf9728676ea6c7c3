// SPDX-License-Identifier: Apache-2.0
package dev.rapt.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;

/**
 * As much of the CUDA driver's own interface as another library in the process would use: contexts
 * and streams that Rapt did not make. The emulated plug-in has it, too.
 */
public final class CudaDriver {
  private static final int NON_BLOCKING = 1;
  private static final int GLOBAL_MODE = 0;

  private final SymbolLookup library;

  CudaDriver(SymbolLookup library) {
    this.library = library;
    call("cuInit", 0);
  }

  /** A new context of device 0, which is current on this thread from now on. */
  public MemorySegment createContext() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      call("cuCtxCreate_v2", out, 0, 0);
      return out.get(ValueLayout.ADDRESS, 0);
    }
  }

  /** Ends a context. */
  public void destroyContext(MemorySegment context) {
    call("cuCtxDestroy_v2", context);
  }

  /** This thread's current context; NULL where it has none. */
  public MemorySegment current() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      call("cuCtxGetCurrent", out);
      return out.get(ValueLayout.ADDRESS, 0);
    }
  }

  /** Makes a context current on this thread; NULL: none. */
  public void makeCurrent(MemorySegment context) {
    call("cuCtxSetCurrent", context);
  }

  /** A new stream of the current context. */
  public MemorySegment createStream() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      call("cuStreamCreate", out, NON_BLOCKING);
      return out.get(ValueLayout.ADDRESS, 0);
    }
  }

  /** Ends a stream of the current context. */
  public void destroyStream(MemorySegment stream) {
    call("cuStreamDestroy_v2", stream);
  }

  /** Begins to capture a stream into a graph, in the mode in which CUDA forbids others the most. */
  public void beginCapture(MemorySegment stream) {
    call("cuStreamBeginCapture_v2", stream, GLOBAL_MODE);
  }

  /** Ends the capture and drops the graph; fails where something has made the capture useless. */
  public void endCapture(MemorySegment stream) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment graph = arena.allocate(ValueLayout.ADDRESS);
      call("cuStreamEndCapture", stream, graph);
      call("cuGraphDestroy", graph.get(ValueLayout.ADDRESS, 0));
    }
  }

  @SuppressWarnings("restricted") // a test may
  private void call(String name, Object... arguments) {
    FunctionDescriptor descriptor = FunctionDescriptor.of(ValueLayout.JAVA_INT);
    for (Object argument : arguments) {
      descriptor =
          descriptor.appendArgumentLayouts(
              argument instanceof MemorySegment ? ValueLayout.ADDRESS : ValueLayout.JAVA_INT);
    }
    int code;
    try {
      code =
          (int)
              Linker.nativeLinker()
                  .downcallHandle(library.findOrThrow(name), descriptor)
                  .invokeWithArguments(arguments);
    } catch (Throwable failed) {
      throw new AssertionError(failed);
    }
    assertEquals(0, code, name);
  }
}
