// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.global.torch;

/** Which instructions the libraries of a process have chosen, in their own words. */
public final class Kernels {
  /** Of MKLVersion: three ints, then the addresses of four texts, the processor's third. */
  private static final long MKL_VERSION_BYTES = 48;

  private static final long MKL_PROCESSOR = 32;

  private Kernels() {}

  /** Call after a contender ran: the libraries are loaded by then. */
  public static String of(World world) {
    return switch (world) {
      case LIBTORCH_MKL -> aten() + "; MKL: " + mkl();
      case LIBTORCH_OPENBLAS -> aten() + "; OpenBLAS: " + openBlas();
      case ONNX_RUNTIME ->
          System.getProperty(World.ONNX_RUNTIME_PATH) == null
              ? "what the CPU has: nothing holds it down"
              : "a library that --onnxruntime named";
      case LLAMA_CPP -> "AVX2, for which its library is compiled";
      case JAVA -> "what the JVM compiles";
    };
  }

  private static String aten() {
    try (BytePointer text = torch.get_cpu_capability()) {
      return "ATen: " + text.getString();
    }
  }

  private static String mkl() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment version = arena.allocate(MKL_VERSION_BYTES, Long.BYTES);
      function("MKL_Get_Version", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS))
          .invokeWithArguments(version);
      return text(version.get(ValueLayout.ADDRESS, MKL_PROCESSOR));
    } catch (Throwable e) {
      throw new IllegalStateException("MKL does not say which processor it sees", e);
    }
  }

  private static String openBlas() {
    try {
      return text(
          (MemorySegment)
              function("openblas_get_corename", FunctionDescriptor.of(ValueLayout.ADDRESS))
                  .invokeWithArguments());
    } catch (Throwable e) {
      throw new IllegalStateException("OpenBLAS does not say which core it sees", e);
    }
  }

  @SuppressWarnings("restricted")
  private static MethodHandle function(String name, FunctionDescriptor type) {
    Pointer address = Loader.addressof(name);
    if (address == null) {
      throw new IllegalStateException(name + " is not loaded");
    }
    return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(address.address()), type);
  }

  @SuppressWarnings("restricted")
  private static String text(MemorySegment address) {
    return address.reinterpret(Long.MAX_VALUE).getString(0);
  }
}
