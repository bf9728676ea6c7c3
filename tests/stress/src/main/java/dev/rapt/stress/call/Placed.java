// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.zip.CRC32C;

/**
 * A tensor with all the memory around it, which is compared too: nothing but elements is written.
 */
public record Placed(Slot slot, Form form, MemorySegment memory, Tensor tensor) {
  /** What outputs and gaps hold before a call; as a float it is small, and no index. */
  private static final byte UNTOUCHED = (byte) 0xA5;

  private static final long ALIGNMENT = 64;

  /** Memory from an allocator, all of it untouched. */
  public static Placed make(Slot slot, Form form, SegmentAllocator allocator) {
    // A byte more: a segment of none may have any address.
    long bytes = Math.max(1, form.elements() * slot.dtype().bytes());
    MemorySegment memory = allocator.allocate(bytes, ALIGNMENT).fill(UNTOUCHED);
    return in(slot, form, memory);
  }

  private static Placed in(Slot slot, Form form, MemorySegment memory) {
    return new Placed(slot, form, memory, tensor(slot, form, memory));
  }

  private static Tensor tensor(Slot slot, Form form, MemorySegment memory) {
    return Tensor.of(memory, form.offset(), slot.dtype(), slot.shape(), form.strides());
  }

  /** The same bytes in other memory. */
  public Placed copy(SegmentAllocator allocator) {
    MemorySegment other = allocator.allocate(memory.byteSize(), ALIGNMENT);
    return in(slot, form, other.copyFrom(memory));
  }

  /** The same tensor over other memory that is at least as large. */
  public Tensor over(MemorySegment other) {
    return tensor(slot, form, other);
  }

  /** Whether nothing was written. */
  public boolean isUntouched() {
    for (long i = 0; i < memory.byteSize(); i++) {
      if (memory.get(ValueLayout.JAVA_BYTE, i) != UNTOUCHED) {
        return false;
      }
    }
    return true;
  }

  /** Adds all bytes to a hash. */
  public void hash(CRC32C hash) {
    hash.update(memory.asByteBuffer());
  }

  /** Fills an input by its seed. */
  void fill(long seed) {
    Draw draw = new Draw(seed, 0);
    int count = (int) tensor.elements();
    boolean repeats = repeats();
    switch (slot.dtype()) {
      case F32, F16, BF16 -> {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
          values[i] = draw.from(-1 << 20, 1 << 20) * 0x1p-20f;
        }
        write(repeats, values);
      }
      case BOOL, I8, I32, I64 -> integers(draw, count, repeats);
    }
  }

  private void integers(Draw draw, int count, boolean repeats) {
    long least = slot.dtype() == DType.I8 ? -127 : slot.least();
    long most = slot.dtype() == DType.I8 ? 127 : slot.dtype() == DType.BOOL ? 1 : slot.most();
    for (int i = 0; i < count; i++) {
      long value = draw.from(least, most);
      long[] index = index(i);
      switch (slot.dtype()) {
        case BOOL -> tensor.setBoolean(value != 0, index);
        case I8 -> tensor.set(value, index);
        default -> tensor.setLong(value, index);
      }
    }
  }

  private void write(boolean repeats, float[] values) {
    if (!repeats) {
      tensor.copyFrom(values);
      return;
    }
    for (int i = 0; i < values.length; i++) {
      tensor.set(values[i], index(i));
    }
  }

  /** Whether an element has several indices. */
  private boolean repeats() {
    for (int dim = 0; dim < tensor.rank(); dim++) {
      if (tensor.stride(dim) == 0 && tensor.size(dim) > 1) {
        return true;
      }
    }
    return false;
  }

  private long[] index(long element) {
    long[] index = new long[tensor.rank()];
    for (int dim = index.length - 1; dim >= 0; dim--) {
      index[dim] = element % tensor.size(dim);
      element /= tensor.size(dim);
    }
    return index;
  }
}
