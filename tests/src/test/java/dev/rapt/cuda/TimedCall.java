// SPDX-License-Identifier: Apache-2.0
package dev.rapt.cuda;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.CudaDevice;
import dev.rapt.CudaStream;
import dev.rapt.DType;
import dev.rapt.DeviceMemory;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import dev.rapt.check.Cuda;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
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

  /** Random values that tensors take stretches of, each its own: drawing all would take minutes. */
  private static final int POOL = 1 << 23;

  private static final byte NAN = (byte) 0xFF;

  private final CudaDevice device;
  private final TimedShape shape;
  private final DType queryType;
  private final DType keyType;
  private final Attention attention;
  private final List<AttentionTensors> sets = new ArrayList<>();
  private final List<DeviceMemory> memory = new ArrayList<>();
  private final RandomGenerator random = new SplittableRandom(1);
  private byte[] mask;
  private int turn;

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
    try (Arena arena = Arena.ofConfined()) {
      Tensor hidden = shape.masked() ? mask() : null;
      Pools pools = new Pools(arena, random, queryType, keyType);
      for (int i = 0; i < count; i++) {
        sets.add(set(pools, hidden));
      }
    } catch (RuntimeException | Error failure) {
      close();
      throw failure;
    }
  }

  private AttentionTensors set(Pools pools, Tensor hidden) {
    AttentionTensors.Builder tensors =
        AttentionTensors.builder(
            filled(pools.queries, shape.queryShape()),
            filled(pools.keys, shape.keyShape()),
            filled(pools.keys, shape.keyShape()),
            filled(pools.nothing, shape.queryShape()));
    if (keyType == DType.I8) {
      long[] rows = Arrays.copyOf(shape.keyShape(), 3);
      tensors.keyScale(filled(pools.scales, rows)).valueScale(filled(pools.scales, rows));
    }
    return tensors.mask(hidden).build();
  }

  int sets() {
    return sets.size();
  }

  Plan plan() {
    return attention.plan(device, sets.getFirst());
  }

  /** Runs the set whose turn it is. */
  void enqueue(CudaStream stream) {
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

  /** With stretches of the pool that begin anywhere. */
  private Tensor filled(Tensor pool, long[] sizes) {
    Tensor tensor = allocate(pool.dtype(), sizes);
    Tensor flat = tensor.reshape(tensor.elements());
    long from = 0;
    while (from < flat.elements()) {
      long at = random.nextLong(POOL / 2);
      long count = Math.min(POOL - at, flat.elements() - from);
      device.copy(pool.slice(0, at, at + count), flat.slice(0, from, from + count));
      from += count;
    }
    return tensor;
  }

  private Tensor mask() {
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

  /** What tensors are filled with, on the host. */
  private static final class Pools {
    final Tensor queries;
    final Tensor keys;
    final Tensor scales;

    /** NaN, so that what is not written shows. */
    final Tensor nothing;

    Pools(Arena arena, RandomGenerator random, DType queryType, DType keyType) {
      float[] normal = new float[POOL];
      for (int i = 0; i < POOL; i++) {
        normal[i] = (float) random.nextGaussian();
      }
      queries = Tensor.copyOf(arena, queryType, normal, POOL);
      keys =
          keyType == DType.I8 ? bytes(arena, random) : Tensor.copyOf(arena, keyType, normal, POOL);
      scales = keyType == DType.I8 ? scales(arena, random) : null;
      nothing = Tensor.allocate(arena, queryType, POOL);
      nothing.segment().fill(NAN);
    }

    private static Tensor bytes(Arena arena, RandomGenerator random) {
      byte[] bytes = new byte[POOL];
      random.nextBytes(bytes);
      return Tensor.copyOf(arena, bytes, POOL);
    }

    /** With which such bytes stand for values about as large as the others. */
    private static Tensor scales(Arena arena, RandomGenerator random) {
      float[] scales = new float[POOL];
      for (int i = 0; i < POOL; i++) {
        scales[i] = random.nextFloat(0.5f, 1.5f) / 73;
      }
      return Tensor.copyOf(arena, scales, POOL);
    }
  }
}
