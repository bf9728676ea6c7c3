// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.DType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * The part of ggml, llama.cpp's tensor library, that attention takes, from the native library that
 * java-llama.cpp's jar carries. A graph is built once, on memory that the caller gives, and
 * computed as often as asked.
 *
 * <p>ggml ends the process where a type does not suit an operation, so that callers ask first.
 */
@SuppressWarnings("restricted") // calls a native library
final class Ggml {
  private static final String LIBRARY = "/de/kherud/llama/Linux/x86_64/libjllama.so";
  private static final MemoryLayout POINTER = ValueLayout.ADDRESS;

  /** struct ggml_init_params: bytes, memory, whether data is left out. */
  private static final MemoryLayout INIT =
      MemoryLayout.structLayout(ValueLayout.JAVA_LONG, POINTER, ValueLayout.JAVA_LONG);

  /** struct ggml_cplan: bytes and address of its work memory, threads, and what is not used. */
  private static final MemoryLayout PLAN =
      MemoryLayout.structLayout(
          ValueLayout.JAVA_LONG,
          POINTER,
          ValueLayout.JAVA_INT,
          MemoryLayout.paddingLayout(4),
          POINTER,
          POINTER,
          POINTER);

  private static final long PLAN_WORK = 8;

  private static final SymbolLookup LOOKUP = load();
  private static final MethodHandle CREATE = function("ggml_init", POINTER, INIT);
  private static final MethodHandle FREE = procedure("ggml_free", POINTER);
  private static final MethodHandle TENSOR =
      function(
          "ggml_new_tensor_4d",
          POINTER,
          POINTER,
          ValueLayout.JAVA_INT,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG,
          ValueLayout.JAVA_LONG);
  private static final MethodHandle DATA = function("ggml_get_data", POINTER, POINTER);
  private static final MethodHandle PRODUCT =
      function("ggml_mul_mat", POINTER, POINTER, POINTER, POINTER);
  private static final MethodHandle SOFTMAX =
      function(
          "ggml_soft_max_ext",
          POINTER,
          POINTER,
          POINTER,
          POINTER,
          ValueLayout.JAVA_FLOAT,
          ValueLayout.JAVA_FLOAT);
  private static final MethodHandle FLASH =
      function(
          "ggml_flash_attn_ext",
          POINTER,
          POINTER,
          POINTER,
          POINTER,
          POINTER,
          POINTER,
          ValueLayout.JAVA_FLOAT,
          ValueLayout.JAVA_FLOAT,
          ValueLayout.JAVA_FLOAT);
  private static final MethodHandle GRAPH = function("ggml_new_graph", POINTER, POINTER);
  private static final MethodHandle EXPAND =
      procedure("ggml_build_forward_expand", POINTER, POINTER);
  private static final MethodHandle GRAPH_PLAN =
      function("ggml_graph_plan", PLAN, POINTER, ValueLayout.JAVA_INT, POINTER);
  private static final MethodHandle COMPUTE =
      function("ggml_graph_compute", ValueLayout.JAVA_INT, POINTER, POINTER);

  private final Arena arena;
  private final MemorySegment context;

  /** A graph with its plan: what {@link #compute} takes. */
  record Graph(MemorySegment graph, MemorySegment plan) {}

  /**
   * A context whose tensors lie in {@code bytes} of memory, which has to suffice for all of them.
   */
  Ggml(Arena arena, long bytes) {
    this.arena = arena;
    MemorySegment parameters = arena.allocate(INIT);
    parameters.set(ValueLayout.JAVA_LONG, 0, bytes);
    parameters.set(ValueLayout.ADDRESS, 8, Memory.take(arena, bytes));
    context = pointer(() -> (MemorySegment) CREATE.invokeExact(parameters));
  }

  /** A tensor whose dimensions are given innermost first, as ggml has them. */
  MemorySegment tensor(DType dtype, long... sizes) {
    int type =
        switch (dtype) {
          case F32 -> 0;
          case F16 -> 1;
          case BF16 -> 30;
          default -> throw new UnsupportedOperationException("not asked of ggml: " + dtype);
        };
    return pointer(
        () ->
            (MemorySegment)
                TENSOR.invokeExact(context, type, sizes[0], sizes[1], sizes[2], sizes[3]));
  }

  /** A tensor's memory. */
  MemorySegment data(MemorySegment tensor, long bytes) {
    return pointer(() -> (MemorySegment) DATA.invokeExact(tensor)).reinterpret(bytes);
  }

  /** Rows of {@code a} times rows of {@code b}, for each head. */
  MemorySegment product(MemorySegment a, MemorySegment b) {
    return pointer(() -> (MemorySegment) PRODUCT.invokeExact(context, a, b));
  }

  /** The softmax of {@code scale} times the scores plus the mask, which may be NULL. */
  MemorySegment softmax(MemorySegment scores, MemorySegment mask, float scale) {
    return pointer(() -> (MemorySegment) SOFTMAX.invokeExact(context, scores, mask, scale, 0f));
  }

  /** All of attention as one operation; key and value of 16 bits, the mask F16 or NULL. */
  MemorySegment flash(
      MemorySegment query,
      MemorySegment key,
      MemorySegment value,
      MemorySegment mask,
      float scale) {
    return pointer(
        () -> (MemorySegment) FLASH.invokeExact(context, query, key, value, mask, scale, 0f, 0f));
  }

  /** The graph of all that a tensor is computed from. */
  Graph graph(MemorySegment result, int threads) {
    MemorySegment graph = pointer(() -> (MemorySegment) GRAPH.invokeExact(context));
    MemorySegment plan =
        pointer(
            () -> {
              EXPAND.invokeExact(graph, result);
              return (MemorySegment)
                  GRAPH_PLAN.invokeExact(
                      (SegmentAllocator) arena, graph, threads, MemorySegment.NULL);
            });
    long work = Math.max(1, plan.get(ValueLayout.JAVA_LONG, 0));
    plan.set(ValueLayout.ADDRESS, PLAN_WORK, Memory.take(arena, work));
    return new Graph(graph, plan);
  }

  /** Computes a graph. */
  void compute(Graph graph) {
    try {
      int status = (int) COMPUTE.invokeExact(graph.graph, graph.plan);
      if (status != 0) {
        throw new IllegalStateException("ggml_graph_compute gave " + status);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Frees the context; its memory goes with the arena. */
  void close() {
    try {
      FREE.invokeExact(context);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private interface Call {
    MemorySegment run() throws Throwable;
  }

  private static MemorySegment pointer(Call call) {
    try {
      return call.run();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Loads the library from a copy of its own, which is gone again once it is loaded. */
  private static SymbolLookup load() {
    try (InputStream resource = Ggml.class.getResourceAsStream(LIBRARY)) {
      if (resource == null) {
        throw new UnsupportedOperationException("there is no " + LIBRARY + " on the class path");
      }
      Path file = Files.createTempFile("ggml", ".so");
      try {
        Files.copy(resource, file, StandardCopyOption.REPLACE_EXISTING);
        return SymbolLookup.libraryLookup(file, Arena.global());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... of) {
    return Linker.nativeLinker()
        .downcallHandle(LOOKUP.findOrThrow(name), FunctionDescriptor.of(result, of));
  }

  private static MethodHandle procedure(String name, MemoryLayout... of) {
    return Linker.nativeLinker()
        .downcallHandle(LOOKUP.findOrThrow(name), FunctionDescriptor.ofVoid(of));
  }
}
