// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.Lifetime;
import dev.rapt.internal.call.Backend;
import dev.rapt.internal.call.PackedWeights;
import java.lang.foreign.Arena;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where calls run, with the threads and scratch memory they need.
 *
 * <p>Thread-safe: any number of threads may run calls on one device. They share its workers, which
 * help only while fewer than {@link #threads()} threads compute. Equal inputs give equal bits,
 * whatever the number of threads and callers. {@link #close()} is idempotent and waits for running
 * calls; after it, calls throw {@link IllegalStateException}.
 *
 * {@snippet :
 * try (Device device = Device.best()) { // the CPU, or plain Java where that cannot be had
 *   attention.run(device, query, key, value, output);
 * }
 * }
 */
public abstract sealed class Device extends Place implements AutoCloseable
    permits CpuDevice, CudaDevice, JavaDevice {
  private static final System.Logger LOGGER = System.getLogger(Device.class.getName());

  private final Backend backend;
  private final Lifetime lifetime = new Lifetime("device");

  Device(Backend backend) {
    this.backend = backend;
  }

  /**
   * The best device of this machine: the CPU at its best tier or, where the native library cannot
   * be loaded, the Java reference. One line of the log then says why, and so does {@link
   * #description()}.
   *
   * <p>This never chooses a GPU, whose memory is its own; {@link CudaDevice#find()} does.
   *
   * @throws RaptException where the library is loaded but refuses, for example because {@code
   *     RAPT_ISA} names a tier that this CPU lacks: falling back would hide the mistake
   */
  public static Device best() {
    try {
      return cpu();
    } catch (RaptException unavailable) {
      if (unavailable.status() != RaptStatus.DEVICE_UNAVAILABLE) {
        throw unavailable;
      }
      LOGGER.log(
          System.Logger.Level.WARNING,
          "Rapt falls back to its slow Java reference: {0}",
          unavailable.getMessage());
      return JavaDevice.insteadOf(unavailable.getMessage());
    }
  }

  /**
   * The CPU with a thread for each logical CPU, and the tier that {@code RAPT_ISA} names or else
   * the best one.
   *
   * @throws RaptException naming the reason where the native library cannot be used
   */
  public static Device cpu() {
    return cpu(CpuOptions.builder().build());
  }

  /**
   * The CPU with a given number of threads and tier.
   *
   * @throws RaptException naming the reason where native library or tier cannot be used
   */
  public static Device cpu(CpuOptions options) {
    return CpuDevice.open(options);
  }

  /** The first NVIDIA GPU; see {@link #cuda(int)}. */
  public static CudaDevice cuda() {
    return cuda(0);
  }

  /**
   * An NVIDIA GPU, through the plug-in librapt_cuda.so: the file that the system property {@code
   * dev.rapt.librapt_cuda} or else the environment variable {@code RAPT_CUDA_LIBRARY} names, or the
   * one in the jar with the classifier {@code linux-x86_64-cuda13}, or the one beside the native
   * library. Opening a device loads all kernels, so that later calls do not. The first time on a
   * GPU, with a driver and a build of the plug-in, it also checks them all, which is to take well
   * under a second, and keeps the result in the user's cache folder. What fails is left out.
   *
   * @param ordinal which of the machine's GPUs, from 0
   * @throws IllegalArgumentException where {@code ordinal} is negative
   * @throws RaptException naming the reason where plug-in, driver or GPU cannot be used
   */
  public static CudaDevice cuda(int ordinal) {
    return cuda(CudaOptions.builder().ordinal(ordinal).build());
  }

  /**
   * The same with options.
   *
   * @throws RaptException naming the reason where plug-in, driver or GPU cannot be used
   */
  public static CudaDevice cuda(CudaOptions options) {
    return CudaDevice.open(options);
  }

  /** The reference: plain Java in double, on the calling thread. It is slow and always there. */
  public static Device java() {
    return JavaDevice.reference();
  }

  /** A short name: {@code cpu}, {@code java} or, for example, {@code cuda:0}. */
  public abstract String name();

  /** One line: tier, threads and processor, or the GPU; for a fallback also its reason. */
  public abstract String description();

  /** Threads that work on one call at most, the calling thread among them. */
  public abstract int threads();

  /** The tier of a CPU device; empty for any other. */
  public abstract Optional<Isa> isa();

  /**
   * How a CPU device reads keys and values that come from memory, for attention of few queries, for
   * example {@code keys by streams, values by prefetch}: the faster ways on this machine, or the
   * one that the environment variable {@code RAPT_READING} names, where there are two: values have
   * one on AVX2. The first call may try them, which takes some ten milliseconds. Empty for any
   * other device.
   *
   * @throws IllegalStateException where the device is closed
   */
  public Optional<String> reading() {
    return Optional.empty();
  }

  /** Waits for running calls, then ends the threads and frees all scratch. Idempotent. */
  @Override
  public void close() {
    lifetime.close(this::shutDown);
  }

  /** Whether {@link #close()} has begun. */
  public boolean isClosed() {
    return lifetime.isClosed();
  }

  /** The {@link #description()}. */
  @Override
  public String toString() {
    return description();
  }

  /** This device. */
  @Override
  public Device device() {
    return this;
  }

  @Override
  final Backend backend() {
    return backend;
  }

  @Override
  final void enter() {
    lifetime.enter();
  }

  @Override
  final void exit() {
    lifetime.exit();
  }

  @Override
  void admit(String name, @Nullable Tensor tensor) {
    if (tensor != null && tensor.isOnDevice()) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed by device " + name() + ": host memory");
    }
  }

  /** As {@link #admit}, for a tensor that is only copied from. */
  void admitWeight(String name, @Nullable Tensor tensor) {
    admit(name, tensor);
  }

  /** Packs weights that {@link #admitWeight} has let pass. */
  PackedWeights pack(Tensor weight, @Nullable Tensor bias) {
    return backend.pack(weight, bias);
  }

  /** The same for quantised weights, which no GPU takes. */
  final PackedWeights pack(QuantizedMatrix weight, @Nullable Tensor bias, InputQuantization input) {
    return backend.pack(weight, bias, input);
  }

  /** A copy, where this device computes, that lasts until {@link #letGo}. */
  Tensor keep(Tensor tensor) {
    return TensorData.contiguousCopy(Arena.ofAuto(), tensor);
  }

  /** Frees what {@link #keep} made. */
  void letGo(@Nullable Tensor kept) {}

  /** Makes closing this device free something that was made on it. */
  void adopt(AutoCloseable child, Runnable free) {}

  /** Frees something that was made on this device, with the device held open. */
  void release(AutoCloseable child, Runnable free) {
    free.run();
  }

  /** Frees everything; no call is running, and none will. */
  void shutDown() {
    backend.close();
  }
}
