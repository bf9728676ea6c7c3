// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.Plan;
import dev.rapt.RaptException;
import dev.rapt.RaptStatus;
import dev.rapt.Tensor;
import dev.rapt.internal.ffi.rapt_error;
import dev.rapt.internal.ffi.rapt_h;
import dev.rapt.internal.ffi.rapt_head;
import dev.rapt.internal.ffi.rapt_plan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The structs of one native call at a time, off-heap and reused.
 *
 * <p>They live in automatic arenas. Those cost a downcall nothing, where a shared one would pay for
 * two atomic updates per argument; a frame that is dropped just goes to the garbage collector.
 */
public final class Structs {
  private static final long ALIGNMENT = 64;
  private static final long STREAM = rapt_head.stream$offset();

  private final Arena arena = Arena.ofAuto();
  private final @Nullable MemorySegment[] calls = new MemorySegment[rapt_h.RAPT_OPERATIONS()];

  /** The slots whose tensors stand in each operation's struct, as bits; all others are absent. */
  private final int[] written = new int[rapt_h.RAPT_OPERATIONS()];

  /** The table by which they were written; an operation may have several. */
  private final StructFields[] writers = new StructFields[rapt_h.RAPT_OPERATIONS()];

  /** What {@link HeldCall} holds; none between calls. */
  final MemorySegment[] held = new MemorySegment[CallFrame.SLOTS];

  /** A rapt_plan. */
  public final MemorySegment plan;

  /** A rapt_error. */
  public final MemorySegment error;

  /** Two int64 for whatever a call reports through pointers. */
  public final MemorySegment results;

  Structs() {
    plan = arena.allocate(rapt_plan.layout().byteSize(), ALIGNMENT);
    error = arena.allocate(rapt_error.layout().byteSize(), ALIGNMENT);
    results = arena.allocate(16, ALIGNMENT);
    rapt_plan.struct_size(plan, plan.byteSize());
    rapt_error.struct_size(error, error.byteSize());
    Arrays.fill(held, MemorySegment.NULL);
  }

  /**
   * The struct of a checked call, on a stream or, where that is NULL, synchronous. Every field that
   * the call reads is written anew; struct_size stays.
   */
  public MemorySegment write(CallFrame call, MemorySegment stream) {
    StructFields fields = call.table().fields();
    MemorySegment struct = calls[fields.number];
    if (struct == null) {
      struct = arena.allocate(fields.byteSize, ALIGNMENT);
      rapt_head.struct_size(struct, struct.byteSize());
      calls[fields.number] = struct;
      writers[fields.number] = fields;
    }
    struct.set(ValueLayout.ADDRESS, STREAM, stream);
    int present = call.present();
    StructFields before = writers[fields.number];
    for (int slots = written[fields.number] & ~present; slots != 0; slots &= slots - 1) {
      TensorStruct.absent(struct, before.slots[Integer.numberOfTrailingZeros(slots)]);
    }
    written[fields.number] = present;
    writers[fields.number] = fields;
    for (int slots = present; slots != 0; slots &= slots - 1) {
      int slot = Integer.numberOfTrailingZeros(slots);
      write(call, struct, slot, fields.slots[slot]);
    }
    for (int i = 0; i < fields.sizes.length; i++) {
      if (fields.sizes[i] != StructFields.NONE) {
        struct.set(ValueLayout.JAVA_LONG, fields.sizes[i], Math.max(0, call.size(i)));
      }
    }
    call.operation().write(call, struct);
    return struct;
  }

  private static void write(CallFrame call, MemorySegment struct, int slot, long field) {
    Operand operand = call.operand(slot);
    Tensor tensor = call.required(slot);
    TensorStruct.header(struct, field, tensor);
    if (operand.hasAll(tensor, call.missing())) {
      TensorStruct.strides(struct, field, tensor);
      return;
    }
    long[] strides = call.strides(operand, tensor);
    for (int i = 0; i < operand.dims.length; i++) {
      TensorStruct.stride(struct, field, i, strides[i]);
    }
  }

  /** Throws what a status other than RAPT_OK means. */
  public void check(int status) {
    if (status != rapt_h.RAPT_OK()) {
      throw failure(status, error);
    }
  }

  /**
   * The same for a call on tensors: what the native library refuses, like a position outside its
   * table or a length beyond what kernels count, is a bad argument like any other.
   */
  public void checkArguments(int status) {
    if (status == rapt_h.RAPT_INVALID_ARGUMENT()) {
      throw new IllegalArgumentException(rapt_error.message(error).getString(0));
    }
    check(status);
  }

  /** The plan that a call has just filled in. */
  public Plan readPlan() {
    return new Plan(
        rapt_plan.name(plan).getString(0),
        rapt_plan.supported(plan) != 0,
        rapt_plan.reason(plan).getString(0),
        rapt_plan.scratch_size(plan),
        rapt_plan.threads(plan));
  }

  /** The exception for a failed call. */
  private static RaptException failure(int status, MemorySegment error) {
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
