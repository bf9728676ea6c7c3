// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.abi.CudaBackend;
import dev.rapt.internal.call.PackedWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * An NVIDIA GPU, from {@link Device#cuda(int)}: calls on tensors in its memory, on it directly
 * (complete on return) or on a {@link CudaStream} (enqueued).
 *
 * {@snippet :
 * try (CudaDevice device = Device.cuda(0);
 *     DeviceMemory memory = device.allocate(DType.F16, 1, 8, 16, 64); // for the query
 *     PinnedMemory pinned = device.allocatePinned(memory.bytes());
 *     CudaStream stream = device.newStream()) {
 *   Tensor query = memory.tensor(DType.F16, 1, 8, 16, 64);
 *   stream.copy(pinned.tensor(DType.F16, 1, 8, 16, 64), query);
 *   attention.run(stream, query, key, value, output); // returns once it is enqueued
 *   stream.synchronize();
 * }
 * }
 *
 * <p>Thread-safe, from any thread, virtual ones too. {@link #close()} waits for running calls and
 * for all enqueued work, and closes every memory, stream, event and set of weights made on this
 * device. Memory of one open device cannot be used on another, not even one on the same GPU.
 */
public final class CudaDevice extends Device {
  private final CudaBackend cuda;
  private final Map<AutoCloseable, Runnable> children = new ConcurrentHashMap<>();

  /**
   * Memory of a GPU.
   *
   * @param free bytes that nobody uses
   * @param total bytes in all
   */
  public record MemoryInfo(long free, long total) {}

  private CudaDevice(CudaBackend cuda) {
    super(cuda);
    this.cuda = cuda;
  }

  /**
   * The first usable GPU, or why there is none.
   *
   * @param device the GPU, open, which the caller closes; empty where none is usable
   * @param reason why none is; empty where one is
   */
  public record Found(Optional<CudaDevice> device, String reason) {
    /** Checks that nothing is null. */
    public Found {
      Objects.requireNonNull(device, "device");
      Objects.requireNonNull(reason, "reason");
    }
  }

  static CudaDevice open(CudaOptions options) {
    return new CudaDevice(CudaBackend.open(options));
  }

  /**
   * Opens the first GPU on which attention and projections pass the self-check, if only by plain
   * kernels. Never throws for want of one: the result says why.
   *
   * {@snippet :
   * CudaDevice.Found found = CudaDevice.find();
   * try (Device device = found.device().isPresent() ? found.device().get() : Device.best()) {
   *   System.out.println(device + " " + found.reason());
   * }
   * }
   *
   * @throws RaptException where the environment variable {@code RAPT_KERNEL} names no kernel
   */
  public static Found find() {
    try {
      return new Found(Optional.of(new CudaDevice(CudaBackend.openFirst())), "");
    } catch (RaptException refused) {
      if (refused.status() == RaptStatus.INVALID_ARGUMENT) {
        throw refused;
      }
      return new Found(Optional.empty(), refused.getMessage());
    }
  }

  /**
   * What the self-check of the kernels found on this GPU: how many passed in the first line, then a
   * line {@code NAME: REASON} for each that failed and is left out.
   *
   * @throws IllegalStateException where this is closed
   */
  public String selfCheck() {
    enter();
    try {
      return cuda.selfCheck();
    } finally {
      exit();
    }
  }

  /**
   * Device memory of this size, 256-byte aligned and not zeroed; the caller closes it.
   *
   * @throws IllegalArgumentException where {@code bytes} is negative
   * @throws IllegalStateException where this is closed
   * @throws RaptException where the GPU has not enough memory
   */
  public DeviceMemory allocate(long bytes) {
    checkBytes(bytes);
    enter();
    try {
      return adopt(new DeviceMemory(this, cuda.allocateDevice(bytes), bytes, false));
    } finally {
      exit();
    }
  }

  /** Device memory that a tensor of this type and shape fills; as {@link #allocate(long)}. */
  public DeviceMemory allocate(DType dtype, long... shape) {
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(shape, "shape");
    TensorChecks.checkShape(shape);
    return allocate(Layout.bytes(shape, dtype));
  }

  /**
   * Page-locked host memory of this size, not zeroed; the caller closes it.
   *
   * @throws IllegalArgumentException where {@code bytes} is negative
   * @throws IllegalStateException where this is closed
   * @throws RaptException where the memory cannot be had
   */
  public PinnedMemory allocatePinned(long bytes) {
    checkBytes(bytes);
    enter();
    try {
      return adopt(new PinnedMemory(this, cuda.allocatePinned(bytes), bytes));
    } finally {
      exit();
    }
  }

  /**
   * A view of device memory that somebody else owns: closing it ends its tensors, waits for the
   * work that uses them, and frees nothing. The owner keeps the memory until then.
   */
  public DeviceMemory wrap(long address, long bytes) {
    checkBytes(bytes);
    if (address == 0 && bytes > 0) {
      throw new IllegalArgumentException("address is 0; allowed: an address of this device");
    }
    enter();
    try {
      return adopt(new DeviceMemory(this, address, bytes, true));
    } finally {
      exit();
    }
  }

  /** A new stream; the caller closes it. */
  public CudaStream newStream() {
    enter();
    try {
      return adopt(new CudaStream(this, cuda.createStream()));
    } finally {
      exit();
    }
  }

  /**
   * A view of a {@code cudaStream_t} (0 = the default stream), which stays its owner's and must
   * outlive the view. A stream of another CUDA context than this device's is refused.
   */
  public CudaStream wrapStream(long cudaStream) {
    enter();
    try {
      return adopt(new CudaStream(this, cuda.wrapStream(cudaStream)));
    } finally {
      exit();
    }
  }

  /** A new event; the caller closes it. */
  public CudaEvent newEvent() {
    enter();
    try {
      return adopt(new CudaEvent(this, cuda.createEvent()));
    } finally {
      exit();
    }
  }

  /**
   * Copies between contiguous tensors of equal type and shape, at least one of them on this device.
   * The copy is complete on return.
   *
   * @throws IllegalArgumentException naming the tensor at fault, its value and what was allowed
   * @throws IllegalStateException where this or a tensor's memory is closed
   */
  public void copy(Tensor from, Tensor to) {
    CopyChecks.check(this, from, to);
    enter();
    try {
      cuda.copy(
          CopyChecks.pointer(to),
          CopyChecks.pointer(from),
          CopyChecks.bytes(from),
          MemorySegment.NULL);
    } catch (IllegalStateException closed) {
      throw Checks.closedMeanwhile(Checks.closedMeanwhile(closed, "to", to), "from", from);
    } finally {
      exit();
    }
  }

  /** Free and total memory of this GPU. */
  public MemoryInfo memoryInfo() {
    enter();
    try {
      long[] bytes = cuda.memoryInfo();
      return new MemoryInfo(bytes[0], bytes[1]);
    } finally {
      exit();
    }
  }

  /** Which of the machine's GPUs this is, from 0. */
  public int ordinal() {
    return cuda.info().ordinal();
  }

  @Override
  public String name() {
    return "cuda:" + ordinal();
  }

  @Override
  public String description() {
    CudaBackend.Info info = cuda.info();
    return "CUDA "
        + info.ordinal()
        + ", "
        + info.name()
        + ", compute capability "
        + info.computeCapability() / 10
        + "."
        + info.computeCapability() % 10
        + ", driver for CUDA "
        + info.driverVersion() / 1000
        + "."
        + info.driverVersion() % 1000 / 10;
  }

  /** 1: the calling thread enqueues, the GPU computes. */
  @Override
  public int threads() {
    return 1;
  }

  @Override
  public Optional<Isa> isa() {
    return Optional.empty();
  }

  CudaBackend driver() {
    return cuda;
  }

  @Override
  void admit(String name, @Nullable Tensor tensor) {
    if (tensor != null) {
      if (!tensor.isOnDevice()) {
        throw new IllegalArgumentException(
            name + " is " + tensor + " in host memory; allowed: memory of " + name());
      }
      admitWeight(name, tensor);
    }
  }

  @Override
  void admitWeight(String name, @Nullable Tensor tensor) {
    if (tensor != null && tensor.isOnDevice() && tensor.memory().device() != this) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed: memory that this device, " + name() + ", allocated");
    }
  }

  @Override
  PackedWeights pack(Tensor weight, @Nullable Tensor bias) {
    Tensor ownWeight = keep(weight);
    try {
      Tensor ownBias = bias == null ? null : keep(bias);
      try {
        return backend().pack(ownWeight, ownBias);
      } finally {
        letGo(ownBias);
      }
    } finally {
      letGo(ownWeight);
    }
  }

  /** A copy in device memory of its own, of a tensor on the host or on this device. */
  @Override
  Tensor keep(Tensor tensor) {
    boolean onDevice = tensor.isOnDevice();
    DeviceMemory memory =
        onDevice ? allocate(tensor.high - tensor.low) : allocate(tensor.dtype(), tensor.shape());
    try (Arena arena = Arena.ofConfined()) {
      if (onDevice) {
        long first = (tensor.address() - tensor.low) / tensor.dtype().bytes();
        cuda.copy(
            memory.view(),
            CopyChecks.pointer(tensor, tensor.low),
            memory.bytes(),
            MemorySegment.NULL);
        return memory.tensor(first, tensor.dtype(), tensor.shape(), tensor.strides());
      }
      Tensor copy = memory.tensor(tensor.dtype(), tensor.shape());
      copy(tensor.isContiguous() ? tensor : TensorData.contiguousCopy(arena, tensor), copy);
      return copy;
    } catch (RuntimeException | Error failure) {
      memory.close();
      throw failure;
    }
  }

  @Override
  void letGo(@Nullable Tensor kept) {
    if (kept != null) {
      kept.memory().close();
    }
  }

  private <T extends AutoCloseable> T adopt(T child) {
    switch (child) {
      case CudaMemory memory -> adopt(memory, memory::free);
      case CudaStream stream -> adopt(stream, stream::free);
      case CudaEvent event -> adopt(event, event::free);
      default -> throw new AssertionError(child);
    }
    return child;
  }

  @Override
  void adopt(AutoCloseable child, Runnable free) {
    children.put(child, free);
  }

  /** Where closing the device has begun, that frees the child. */
  @Override
  void release(AutoCloseable child, Runnable free) {
    try {
      enter();
    } catch (IllegalStateException closed) {
      return;
    }
    try {
      free.run();
    } finally {
      children.remove(child);
      exit();
    }
  }

  @Override
  void shutDown() {
    RuntimeException failure = null;
    for (Runnable free : children.values()) {
      try {
        free.run();
      } catch (RuntimeException failed) {
        failure = failed;
      }
    }
    children.clear();
    super.shutDown();
    if (failure != null) {
      throw failure;
    }
  }

  private static void checkBytes(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes is " + bytes + "; allowed: 0 or more");
    }
  }
}
