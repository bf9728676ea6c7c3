// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.DeviceMemory;
import dev.rapt.Plan;
import dev.rapt.Stream;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * A shape in memory of the GPU: as many sets of tensors, each with values of its own, as keep a
 * call from finding the keys of an earlier one in a cache. Calls take the sets in turn.
 */
final class TimedCall implements AutoCloseable {
  /** Keys and values of all sets: twice the largest cache that a GPU has today. */
  private static final long WANTED_BYTES = 256L << 20;

  private static final long MOST_SETS = 128;

  /** An emulated GPU has no cache, and takes long for each. */
  private static final long MOST_EMULATED = 3;

  /** A prime number of values over and over: rows at its ends fall differently every time. */
  private static final int BLOCK = (1 << 22) - 3;

  private static final byte NAN = (byte) 0xFF;

  private final CudaDevice device;
  private final TimedShape shape;
  private final DType queryType;
  private final DType keyType;
  private final Attention attention;
  private final List<AttentionTensors> sets = new ArrayList<>();
  private final List<DeviceMemory> memory = new ArrayList<>();
  private byte[] mask;
  private int turn;
  private long seed;

  TimedCall(CudaDevice device, TimedShape shape, String type) {
    this.device = device;
    this.shape = shape;
    queryType = TimedShape.queryType(type);
    keyType = TimedShape.keyType(type);
    attention = shape.attention();
    long wanted = Math.ceilDiv(WANTED_BYTES, shape.keyAndValueBytes(type));
    long affordable = device.memoryInfo().free() / 2 / shape.bytes(type);
    long most = Cuda.isEmulated() ? MOST_EMULATED : MOST_SETS;
    long count = Math.clamp(Math.min(wanted, affordable), 1, most);
    try {
      Tensor hidden = shape.masked() ? mask() : null;
      for (int i = 0; i < count; i++) {
        sets.add(set(hidden));
      }
    } catch (RuntimeException | Error failure) {
      close();
      throw failure;
    }
  }

  private AttentionTensors set(Tensor hidden) {
    AttentionTensors tensors =
        AttentionTensors.of(
            random(queryType, shape.queryShape()),
            random(keyType, shape.keyShape()),
            random(keyType, shape.keyShape()),
            nothing());
    if (keyType == DType.I8) {
      tensors = tensors.withKeyScale(scale()).withValueScale(scale());
    }
    return hidden == null ? tensors : tensors.withMask(hidden);
  }

  int sets() {
    return sets.size();
  }

  Plan plan() {
    return attention.plan(device, sets.getFirst());
  }

  /** Runs the set whose turn it is. */
  void enqueue(Stream stream) {
    attention.run(stream, sets.get(turn));
    turn = (turn + 1) % sets.size();
  }

  /** The worst of some rows of the first and the last set, each of which must have run. */
  double error() {
    TimedReference reference = new TimedReference(device, shape, mask);
    return Math.max(reference.error(sets.getFirst()), reference.error(sets.getLast()));
  }

  @Override
  public void close() {
    memory.forEach(DeviceMemory::close);
  }

  private Tensor allocate(DType dtype, long... sizes) {
    DeviceMemory own = device.allocate(dtype, sizes);
    memory.add(own);
    return own.tensor(dtype, sizes);
  }

  /** Each with a seed of its own; normally distributed, bytes evenly. */
  private Tensor random(DType dtype, long[] sizes) {
    RandomGenerator random = generator();
    Tensor tensor = allocate(dtype, sizes);
    int count = (int) Math.min(BLOCK, tensor.elements());
    try (Arena arena = Arena.ofConfined()) {
      fill(tensor, block(arena, random, dtype, count));
    }
    return tensor;
  }

  private static Tensor block(Arena arena, RandomGenerator random, DType dtype, int count) {
    if (dtype == DType.I8) {
      byte[] bytes = new byte[count];
      random.nextBytes(bytes);
      return Tensor.copyOf(arena, bytes, count);
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.copyOf(arena, dtype, values, count);
  }

  private void fill(Tensor tensor, Tensor block) {
    Tensor flat = tensor.reshape(tensor.elements());
    for (long from = 0; from < tensor.elements(); from += BLOCK) {
      long count = Math.min(BLOCK, tensor.elements() - from);
      device.copy(block.slice(0, 0, count), flat.slice(0, from, from + count));
    }
  }

  /** With which bytes stand for values of about the size of the others. */
  private Tensor scale() {
    RandomGenerator random = generator();
    Tensor tensor = allocate(DType.F32, shape.batch(), shape.kvHeads(), shape.kvLen());
    int count = (int) Math.min(BLOCK, tensor.elements());
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat(0.5f, 1.5f) / 73;
    }
    try (Arena arena = Arena.ofConfined()) {
      fill(tensor, Tensor.copyOf(arena, values, count));
    }
    return tensor;
  }

  private Tensor mask() {
    RandomGenerator random = generator();
    mask = new byte[Math.toIntExact(shape.queryLen() * shape.kvLen())];
    random.nextBytes(mask);
    boolean[] seen = new boolean[mask.length];
    for (int i = 0; i < mask.length; i++) {
      mask[i] &= 1;
      seen[i] = mask[i] != 0;
    }
    Tensor tensor = allocate(DType.BOOL, 1, 1, shape.queryLen(), shape.kvLen());
    try (Arena arena = Arena.ofConfined()) {
      device.copy(Tensor.copyOf(arena, seen, tensor.shape()), tensor);
    }
    return tensor;
  }

  /** NaN everywhere, so that what is not written shows. */
  private Tensor nothing() {
    Tensor tensor = allocate(queryType, shape.queryShape());
    try (Arena arena = Arena.ofConfined()) {
      int count = (int) Math.min(BLOCK, tensor.elements());
      Tensor block = Tensor.allocate(arena, queryType, count);
      block.segment().fill(NAN);
      fill(tensor, block);
    }
    return tensor;
  }

  private RandomGenerator generator() {
    return new SplittableRandom(++seed);
  }
}
