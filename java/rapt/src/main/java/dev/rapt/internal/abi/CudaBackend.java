// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.CudaOptions;
import dev.rapt.RaptException;
import dev.rapt.internal.call.Backend;
import dev.rapt.internal.call.CallFrame;
import dev.rapt.internal.ffi.rapt_context_info;
import dev.rapt.internal.ffi.rapt_context_options;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.natives.CudaLibrary;
import dev.rapt.internal.natives.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A rapt_context of a GPU, with its memory, streams and events. Handles are rapt_stream and
 * rapt_event pointers; whoever holds one sees to it that nothing uses it after it is destroyed, nor
 * after the context is.
 */
public final class CudaBackend extends NativeBackend {
  /** Room for a line for each kernel. */
  private static final int SELF_CHECK_BYTES = 32_768;

  private final Info info;

  /**
   * What the driver says about the GPU.
   *
   * @param computeCapability times ten
   * @param driverVersion as the driver counts: 13000 for 13.0
   */
  public record Info(int ordinal, String name, int computeCapability, int driverVersion) {}

  private interface Creation {
    int create(MemorySegment out, MemorySegment error);
  }

  private interface Action {
    int run(MemorySegment error);
  }

  private CudaBackend(MemorySegment context, Info info) {
    super(context);
    this.info = info;
  }

  /** Creates a context; throws RaptException where plug-in, driver or GPU cannot be used. */
  public static CudaBackend open(CudaOptions options) {
    return open(options.ordinal(), options);
  }

  /** The same on the first GPU where that succeeds. */
  public static CudaBackend openFirst() {
    return open(rapt_h.RAPT_FIRST_USABLE(), CudaOptions.builder().build());
  }

  private static CudaBackend open(int ordinal, CudaOptions options) {
    NativeLibrary.require();
    CudaLibrary.Found library = CudaLibrary.find();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment struct = rapt_context_options.allocate(arena);
      rapt_context_options.device(struct, rapt_h.RAPT_DEVICE_CUDA());
      rapt_context_options.ordinal(struct, ordinal);
      rapt_context_options.cuda_library(
          struct,
          library.path().isEmpty() ? MemorySegment.NULL : arena.allocateFrom(library.path()));
      rapt_context_options.cuda_context(
          struct,
          options.currentContext()
              ? rapt_h.RAPT_CUDA_CONTEXT_CURRENT()
              : rapt_h.RAPT_CUDA_CONTEXT_PRIMARY());
      rapt_context_options.cuda_selfcheck(
          struct,
          options.checkAgain()
              ? rapt_h.RAPT_SELFCHECK_AGAIN()
              : rapt_h.RAPT_SELFCHECK_REMEMBERED());
      MemorySegment context = Contexts.create(arena, struct);
      MemorySegment info = Contexts.info(arena, context);
      return new CudaBackend(
          context,
          new Info(
              rapt_context_info.ordinal(info),
              rapt_context_info.name(info).getString(0),
              rapt_context_info.compute_capability(info),
              rapt_context_info.driver_version(info)));
    } catch (RaptException refused) {
      throw new RaptException(
          refused.status(),
          withFailure(refused.getMessage(), library),
          refused.deviceCode(),
          refused);
    }
  }

  /** Where the native library found no plug-in either, why the jar gave none. */
  static String withFailure(String reason, CudaLibrary.Found library) {
    boolean missing = !library.failure().isEmpty() && reason.contains("cannot be loaded");
    return missing ? reason + "; " + library.failure() : reason;
  }

  /** Why the first GPU cannot be used; empty where it can. */
  static String unavailable() {
    try {
      open(CudaOptions.builder().build()).close();
      return "";
    } catch (RaptException refused) {
      return refused.getMessage();
    }
  }

  /** What the driver says about the GPU. */
  public Info info() {
    return info;
  }

  /** What the self-check found, as rapt_context_get_selfcheck writes it. */
  public String selfCheck() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(SELF_CHECK_BYTES);
      check(error -> rapt_h.rapt_context_get_selfcheck(context(), text, text.byteSize(), error));
      return text.getString(0);
    }
  }

  /** Calls that are enqueued on a stream of this context. */
  public Backend on(MemorySegment stream) {
    return new NativeBackend(context(), stream);
  }

  /** The address of new device memory, 0 for 0 bytes. */
  public long allocateDevice(long bytes) {
    return allocate(rapt_h.RAPT_MEMORY_DEVICE(), bytes).address();
  }

  /** New page-locked host memory. */
  public MemorySegment allocatePinned(long bytes) {
    return allocate(rapt_h.RAPT_MEMORY_PINNED(), bytes);
  }

  private MemorySegment allocate(int kind, long bytes) {
    return create((out, error) -> rapt_h.rapt_memory_allocate(context(), kind, bytes, out, error));
  }

  /** Waits for the device to finish with the memory, and frees it. */
  public void freeDevice(long address) {
    free(rapt_h.RAPT_MEMORY_DEVICE(), MemorySegment.ofAddress(address));
  }

  /** Waits for the device to finish with the memory, and frees it. */
  public void freePinned(MemorySegment memory) {
    free(rapt_h.RAPT_MEMORY_PINNED(), memory);
  }

  private void free(int kind, MemorySegment memory) {
    check(error -> rapt_h.rapt_memory_free(context(), kind, memory, error));
  }

  /** Free and total bytes of the GPU. */
  public long[] memoryInfo() {
    CallFrame frame = CallFrame.take();
    try {
      MemorySegment results = frame.structs().results;
      frame
          .structs()
          .check(
              rapt_h.rapt_memory_get_info(
                  context(), results.asSlice(0, 8), results.asSlice(8, 8), frame.structs().error));
      return results.toArray(ValueLayout.JAVA_LONG);
    } finally {
      frame.give();
    }
  }

  /**
   * Copies bytes; with a stream (not NULL) the copy is only enqueued. The scopes of both segments,
   * which may be shorter than {@code bytes}, stay open during the call.
   */
  public void copy(MemorySegment to, MemorySegment from, long bytes, MemorySegment stream) {
    CallFrame frame = CallFrame.take();
    try {
      frame
          .structs()
          .check(
              rapt_h.rapt_memory_copy(context(), to, from, bytes, stream, frame.structs().error));
    } finally {
      frame.give();
    }
  }

  /** A new stream. */
  public MemorySegment createStream() {
    return create((out, error) -> rapt_h.rapt_stream_create(context(), out, error));
  }

  /** A view of a foreign cudaStream_t. */
  public MemorySegment wrapStream(long cudaStream) {
    MemorySegment foreign = MemorySegment.ofAddress(cudaStream);
    return create((out, error) -> rapt_h.rapt_stream_wrap(context(), foreign, out, error));
  }

  /** Frees the handle; enqueued work still runs. */
  public void destroyStream(MemorySegment stream) {
    rapt_h.rapt_stream_destroy(stream);
  }

  /** Waits for all work enqueued so far. */
  public void synchronizeStream(MemorySegment stream) {
    check(error -> rapt_h.rapt_stream_synchronize(stream, error));
  }

  /** Holds back work enqueued from now on until the event has passed. */
  public void await(MemorySegment stream, MemorySegment event) {
    CallFrame frame = CallFrame.take();
    try {
      frame.structs().check(rapt_h.rapt_stream_wait(stream, event, frame.structs().error));
    } finally {
      frame.give();
    }
  }

  /** A new event. */
  public MemorySegment createEvent() {
    return create((out, error) -> rapt_h.rapt_event_create(context(), out, error));
  }

  /** Frees the handle. */
  public void destroyEvent(MemorySegment event) {
    rapt_h.rapt_event_destroy(event);
  }

  /** Marks the current end of the stream. */
  public void record(MemorySegment event, MemorySegment stream) {
    CallFrame frame = CallFrame.take();
    try {
      frame.structs().check(rapt_h.rapt_event_record(event, stream, frame.structs().error));
    } finally {
      frame.give();
    }
  }

  /** Waits until the device has passed the event. */
  public void synchronizeEvent(MemorySegment event) {
    check(error -> rapt_h.rapt_event_synchronize(event, error));
  }

  /** Whether the device has passed the event. */
  public boolean hasPassed(MemorySegment event) {
    CallFrame frame = CallFrame.take();
    try {
      frame
          .structs()
          .check(rapt_h.rapt_event_query(event, frame.structs().results, frame.structs().error));
      return frame.structs().results.get(ValueLayout.JAVA_INT, 0) != 0;
    } finally {
      frame.give();
    }
  }

  /** Milliseconds between two events. */
  public float elapsed(MemorySegment start, MemorySegment end) {
    CallFrame frame = CallFrame.take();
    try {
      frame
          .structs()
          .check(
              rapt_h.rapt_event_elapsed(
                  start, end, frame.structs().results, frame.structs().error));
      return frame.structs().results.get(ValueLayout.JAVA_FLOAT, 0);
    } finally {
      frame.give();
    }
  }

  private static MemorySegment create(Creation creation) {
    CallFrame frame = CallFrame.take();
    try {
      frame.structs().check(creation.create(frame.structs().results, frame.structs().error));
      return frame.structs().results.get(ValueLayout.ADDRESS, 0);
    } finally {
      frame.give();
    }
  }

  private static void check(Action action) {
    CallFrame frame = CallFrame.take();
    try {
      frame.structs().check(action.run(frame.structs().error));
    } finally {
      frame.give();
    }
  }
}
