// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A process of its own: libtorch's matrix products come from whichever BLAS was loaded first, so
 * its two variants cannot share one, and each peer's thread pool is kept apart from the others'.
 * Rapt takes part in every world, as the measure that ratios are taken with.
 */
public enum World {
  /** libtorch on Intel MKL. */
  LIBTORCH_MKL("libtorch-mkl"),
  /** libtorch on OpenBLAS, its default. */
  LIBTORCH_OPENBLAS("libtorch-openblas"),
  /** ONNX Runtime. */
  ONNX_RUNTIME("onnxruntime"),
  /** ggml, the tensor library of llama.cpp. */
  LLAMA_CPP("llama.cpp"),
  /** Rapt's own reference: plain Java in double, on one thread. */
  JAVA("java");

  /** ONNX Runtime's own property: a folder with its libraries, in place of those of its jar. */
  public static final String ONNX_RUNTIME_PATH = "onnxruntime.native.path";

  private final String id;

  World(String id) {
    this.id = id;
  }

  /** How options and files call it. */
  public String id() {
    return id;
  }

  /** Whether its native libraries are libtorch's, which only the launcher's build fetches. */
  public boolean isTorch() {
    return this == LIBTORCH_MKL || this == LIBTORCH_OPENBLAS;
  }

  /**
   * The world of that id.
   *
   * @throws IllegalArgumentException naming the ids there are
   */
  public static World of(String id) {
    for (World world : values()) {
      if (world.id.equals(id.toLowerCase(Locale.ROOT))) {
        return world;
      }
    }
    throw new IllegalArgumentException(
        "no peer is called " + id + "; there are " + String.join(", ", ids()));
  }

  /** All ids. */
  public static List<String> ids() {
    List<String> ids = new ArrayList<>();
    for (World world : values()) {
      ids.add(world.id);
    }
    return ids;
  }

  /**
   * Flags of its JVM.
   *
   * @param onnxRuntime a folder with ONNX Runtime's libraries; null = those of its jar
   */
  public List<String> jvmFlags(Restraint restraint, @Nullable Path onnxRuntime) {
    List<String> flags = new ArrayList<>(restraint.jvmFlags());
    flags.add("--enable-native-access=ALL-UNNAMED");
    flags.add("--sun-misc-unsafe-memory-access=allow"); // protobuf asks for it
    if (isTorch()) {
      // Tensors are closed by hand; a collection in the middle of a turn would be timed.
      flags.add("-Dorg.bytedeco.javacpp.nopointergc=true");
    }
    if (this == LIBTORCH_MKL) {
      flags.add("-Dorg.bytedeco.openblas.load=mkl");
    }
    if (this == ONNX_RUNTIME && onnxRuntime != null) {
      flags.add("-D" + ONNX_RUNTIME_PATH + "=" + onnxRuntime);
    }
    return flags;
  }

  /**
   * Environment variables that hold every thread pool of its libraries to {@code threads}, and keep
   * the pools out of each other's way.
   */
  public Map<String, String> environment(int threads) {
    String count = String.valueOf(threads);
    return switch (this) {
      // On libtorch's own OpenMP, so that MKL knows when it is called from one of its threads.
      case LIBTORCH_MKL ->
          Map.of("OMP_NUM_THREADS", count, "MKL_NUM_THREADS", count, "MKL_THREADING_LAYER", "GNU");
      // OpenBLAS has threads of its own; with libtorch's spinning beside them both crawl.
      case LIBTORCH_OPENBLAS ->
          Map.of(
              "OMP_NUM_THREADS",
              count,
              "OPENBLAS_NUM_THREADS",
              count,
              "OMP_WAIT_POLICY",
              "PASSIVE");
      case LLAMA_CPP -> Map.of("OMP_NUM_THREADS", count);
      case ONNX_RUNTIME, JAVA -> Map.of();
    };
  }
}
