// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.abi;

import dev.rapt.Plan;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.internal.ffi.rapt_error;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_linear;
import dev.rapt.internal.ffi.rapt_mha;
import dev.rapt.internal.ffi.rapt_plan;
import dev.rapt.internal.ffi.rapt_rope;
import dev.rapt.internal.ffi.rapt_sdpa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The structs that one call at a time needs, off-heap and reused: what makes a call free of
 * allocation.
 *
 * <p>Frames live in automatic arenas. Those cost a downcall nothing, where a shared one would pay
 * for two atomic updates per argument, and a frame that finds the pool full just goes to the
 * garbage collector.
 */
final class CallFrame {
  private static final long ALIGNMENT = 64;

  // Threads spread over the shards by id; each shard has a cache line of slots to itself, and tries
  // a few of them before it makes or drops a frame. No thread-local: virtual threads are too many.
  private static final int SHARDS = 64;
  private static final int SHARD_STRIDE = 16;
  private static final int SLOTS_PER_SHARD = 4;
  private static final AtomicReferenceArray<CallFrame> POOL =
      new AtomicReferenceArray<>(SHARDS * SHARD_STRIDE);

  final MemorySegment attention;
  final MemorySegment linear;
  final MemorySegment multiHead;
  final MemorySegment rope;
  final MemorySegment plan;
  final MemorySegment error;

  /** Two int64 for whatever a call reports through pointers. */
  final MemorySegment results;

  private CallFrame() {
    Arena arena = Arena.ofAuto();
    attention = HeadStruct.allocate(arena, rapt_sdpa.layout(), ALIGNMENT);
    linear = HeadStruct.allocate(arena, rapt_linear.layout(), ALIGNMENT);
    multiHead = HeadStruct.allocate(arena, rapt_mha.layout(), ALIGNMENT);
    rope = HeadStruct.allocate(arena, rapt_rope.layout(), ALIGNMENT);
    plan = arena.allocate(rapt_plan.layout().byteSize(), ALIGNMENT);
    error = arena.allocate(rapt_error.layout().byteSize(), ALIGNMENT);
    results = arena.allocate(16, ALIGNMENT);
    rapt_plan.struct_size(plan, plan.byteSize());
    rapt_error.struct_size(error, error.byteSize());
  }

  /** A frame for the calling thread alone, until it gives it back. */
  static CallFrame take() {
    int shard = shard();
    for (int slot = shard; slot < shard + SLOTS_PER_SHARD; slot++) {
      CallFrame frame = POOL.getAndSet(slot, null);
      if (frame != null) {
        return frame;
      }
    }
    return new CallFrame();
  }

  /** Gives the frame back. */
  void give() {
    int shard = shard();
    for (int slot = shard; slot < shard + SLOTS_PER_SHARD; slot++) {
      if (POOL.compareAndSet(slot, null, this)) {
        return;
      }
    }
  }

  private static int shard() {
    return ((int) Thread.currentThread().threadId() & (SHARDS - 1)) * SHARD_STRIDE;
  }

  /** Throws what a status other than RAPT_OK means. */
  void check(int status) {
    if (status != rapt_h.RAPT_OK()) {
      throw failure(status, error);
    }
  }

  /**
   * The same for a call on tensors: what the native library refuses, like a position outside its
   * table or a length beyond what kernels count, is a bad argument like any other.
   */
  void checkArguments(int status) {
    if (status == rapt_h.RAPT_INVALID_ARGUMENT()) {
      throw new IllegalArgumentException(rapt_error.message(error).getString(0));
    }
    check(status);
  }

  /** The plan that a call has just filled in. */
  Plan readPlan() {
    return new Plan(
        rapt_plan.name(plan).getString(0),
        rapt_plan.supported(plan) != 0,
        rapt_plan.reason(plan).getString(0),
        rapt_plan.scratch_size(plan),
        rapt_plan.threads(plan));
  }

  /** The exception for a failed call. */
  static RaptException failure(int status, MemorySegment error) {
    return new RaptException(
        status(status),
        rapt_error.message(error).getString(0),
        rapt_error.device_code(error),
        null);
  }

  private static RaptStatus status(int status) {
    if (status == rapt_h.RAPT_INVALID_ARGUMENT()) {
      return RaptStatus.INVALID_ARGUMENT;
    }
    if (status == rapt_h.RAPT_UNSUPPORTED()) {
      return RaptStatus.UNSUPPORTED;
    }
    if (status == rapt_h.RAPT_OUT_OF_MEMORY()) {
      return RaptStatus.OUT_OF_MEMORY;
    }
    if (status == rapt_h.RAPT_DEVICE_UNAVAILABLE()) {
      return RaptStatus.DEVICE_UNAVAILABLE;
    }
    return RaptStatus.DEVICE_FAILURE;
  }
}
