// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.Tensor;
import dev.rapt.internal.Broadcast;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * One call at a time: its operation, its tensors by slot, its sizes, and the structs that a native
 * call needs. Frames are pooled and carry everything, which is what makes a call free of
 * allocation.
 */
public final class CallFrame {
  /** Tensors of a call at most; a bit of an int each. */
  static final int SLOTS = 24;

  private static final int MOST_SIZES = 24;
  private static final int MOST_DIMENSIONS = 6;
  private static final long UNSET = -1;

  // Threads spread over the shards by id; each shard has a cache line of slots to itself, and tries
  // a few of them before it makes or drops a frame. No thread-local: virtual threads are too many.
  private static final int SHARDS = 64;
  private static final int SHARD_STRIDE = 16;
  private static final int SLOTS_PER_SHARD = 4;
  private static final AtomicReferenceArray<CallFrame> POOL =
      new AtomicReferenceArray<>(SHARDS * SHARD_STRIDE);

  private final @Nullable Tensor[] tensors = new Tensor[SLOTS];
  private final Operand[] lines = new Operand[SLOTS];
  private final long[] sizes = new long[MOST_SIZES];
  private final long[] strides = new long[MOST_DIMENSIONS];
  private @Nullable Structs structs;
  private @Nullable Operation operation;
  private @Nullable OperandTable table;
  private int present;
  private int missing;
  private int cases;

  private CallFrame() {}

  /** A frame for a call by the calling thread alone, until it gives it back. */
  public static CallFrame take(Operation operation) {
    CallFrame frame = take();
    OperandTable table = operation.table();
    frame.operation = operation;
    frame.table = table;
    Arrays.fill(frame.sizes, 0, table.dimensions.length, UNSET);
    frame.missing = 0;
    frame.cases = 0;
    return frame;
  }

  /** The same without an operation, for the structs alone. */
  public static CallFrame take() {
    int shard = shard();
    for (int slot = shard; slot < shard + SLOTS_PER_SHARD; slot++) {
      CallFrame frame = POOL.getAndSet(slot, null);
      if (frame != null) {
        return frame;
      }
    }
    return new CallFrame();
  }

  /** Gives the frame back, which forgets its tensors. */
  public void give() {
    for (int slots = present; slots != 0; slots &= slots - 1) {
      tensors[Integer.numberOfTrailingZeros(slots)] = null;
    }
    present = 0;
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

  /** Sets the tensor of a slot; null = absent. */
  public CallFrame set(int slot, @Nullable Tensor tensor) {
    tensors[slot] = tensor;
    present = tensor == null ? present & ~(1 << slot) : present | 1 << slot;
    return this;
  }

  /** Sets the tensors of the first slots. */
  public CallFrame set(@Nullable Tensor[] all) {
    for (int slot = 0; slot < all.length; slot++) {
      set(slot, all[slot]);
    }
    return this;
  }

  /**
   * The slots that have a tensor, as bits. Whoever loops over them, from the lowest on, does
   * nothing for the many operands that a call lacks.
   */
  public int present() {
    return present;
  }

  /** The tensor of a slot; null = absent. */
  public @Nullable Tensor tensor(int slot) {
    return tensors[slot];
  }

  /** The tensor of a slot that a checked call has. */
  public Tensor required(int slot) {
    Tensor tensor = tensors[slot];
    if (tensor == null) {
      throw new AssertionError(table().word() + " lacks tensor " + slot);
    }
    return tensor;
  }

  /** What is called. */
  public Operation operation() {
    return Objects.requireNonNull(operation);
  }

  /** The operands of what is called. */
  public OperandTable table() {
    return Objects.requireNonNull(table);
  }

  /** A size of the table, at least 0; -1 = not known yet. */
  public long size(int dimension) {
    return sizes[dimension];
  }

  /** Sets a size of the table. */
  public void size(int dimension, long value) {
    sizes[dimension] = value;
  }

  /** How many dimensions fewer than the table's the call's tensors have. */
  public int missing() {
    return missing;
  }

  /** Sets how many dimensions fewer than the table's the call's tensors have. */
  public void missing(int dimensions) {
    missing = dimensions;
  }

  /** Which lines of the table count. */
  public int cases() {
    return cases;
  }

  /** Sets which lines of the table count. */
  public void cases(int bits) {
    cases = bits;
  }

  /** The line that counts for the slot of a checked tensor. */
  public Operand operand(int slot) {
    return lines[slot];
  }

  /** Sets the line that counts for its slot. */
  public void counts(Operand operand) {
    lines[operand.slot] = operand;
  }

  /**
   * The strides of a checked tensor by the dimensions of its line: 0 for those that it lacks or
   * broadcasts. The array is the frame's, and good until the next time.
   */
  public long[] strides(Operand operand, Tensor tensor) {
    int rank = operand.dims.length;
    if (operand.fit() == Operand.Fit.BROADCAST) {
      for (int i = 0; i < rank; i++) {
        strides[i] = Broadcast.stride(tensor, i, rank);
      }
      return strides;
    }
    int lacking = operand.lacking[missing];
    if (operand.fit() == Operand.Fit.SHARED && tensor.rank() < rank) {
      lacking |= 1;
    }
    int own = 0;
    for (int i = 0; i < rank; i++) {
      boolean lacks = (lacking >> i & 1) != 0 || own >= tensor.rank();
      strides[i] = lacks ? 0 : tensor.stride(own++);
    }
    return strides;
  }

  /** The structs for a native call; the reference gets by without. */
  public Structs structs() {
    Structs made = structs;
    if (made == null) {
      made = new Structs();
      structs = made;
    }
    return made;
  }
}
