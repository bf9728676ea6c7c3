// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * (n0, n1, ..., n7): a strided view of 1 to 8 dimensions over off-heap memory that the caller owns.
 * The memory lies on the host or, for a tensor from {@link DeviceMemory}, on a device.
 *
 * {@snippet :
 * try (Arena arena = Arena.ofConfined()) {
 *   Tensor tokens = Tensor.allocate(arena, DType.F32, 2, 16, 8, 64); // (B, S, H, D)
 *   tokens.fill(0.5f);
 *   Tensor heads = tokens.permute(0, 2, 1, 3); // (B, H, S, D), the same memory
 *   Tensor half = heads.toType(arena, DType.F16); // a contiguous copy
 *   float first = half.get(0, 0, 0, 0);
 * }
 * }
 *
 * <p>The view is immutable and may be shared by threads; the memory's own rules (its arena's
 * lifetime and thread confinement) stay in force. Strides count elements, not bytes; they may be 0
 * (broadcast, for inputs only) or negative. Making a tensor checks once that every element that
 * shape and strides name lies in the memory.
 *
 * <p>What touches elements throws {@link IllegalStateException} where their memory is closed,
 * {@link WrongThreadException} where it is confined to another thread, {@link
 * IllegalArgumentException} where it is read-only and to be written, and {@link
 * IndexOutOfBoundsException} for an index of no element.
 */
public final class Tensor {
  /** Cache lines and AVX-512 vectors are 64 bytes. */
  static final long ALIGNMENT = 64;

  private final MemorySegment segment;
  private final @Nullable CudaMemory memory;
  private final long offset;
  private final DType dtype;
  private final long[] shape;
  private final long[] strides;
  private final long elements;
  private final long address;
  private final boolean contiguous;

  // What the overlap checks need, computed once: the bytes from low (inclusive) to high
  // (exclusive).
  final long low;
  final long high;
  final boolean selfOverlapping;

  /** A view of {@code memory} or, where that is null, of the segment itself. Takes the arrays. */
  Tensor(
      MemorySegment segment,
      @Nullable CudaMemory memory,
      long offset,
      DType dtype,
      long[] shape,
      long[] strides) {
    this.segment = segment;
    this.memory = memory;
    this.offset = offset;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
    long bytes = memory == null ? segment.byteSize() : memory.bytes();
    elements = TensorChecks.checkLayout(segment, bytes, offset, dtype, shape, strides);
    address = segment.address() + offset * dtype.bytes();
    if (elements == 0) {
      low = address;
      high = address;
      contiguous = true;
      selfOverlapping = false;
    } else {
      low = address + Layout.lowest(shape, strides) * dtype.bytes();
      high = address + (Layout.highest(shape, strides) + 1) * dtype.bytes();
      contiguous = Layout.contiguous(shape, strides);
      selfOverlapping = Layout.selfOverlapping(shape, strides);
    }
  }

  /** {@code shape}: a contiguous, row-major view of the segment's beginning. */
  public static Tensor of(MemorySegment segment, DType dtype, long... shape) {
    Objects.requireNonNull(shape, "shape");
    TensorChecks.checkShape(shape);
    return of(segment, 0, dtype, shape, Layout.contiguousStrides(shape));
  }

  /** {@code shape}: a view with element strides whose index 0 is the segment's first element. */
  public static Tensor of(MemorySegment segment, DType dtype, long[] shape, long[] strides) {
    return of(segment, 0, dtype, shape, strides);
  }

  /**
   * {@code shape}: a view with element strides whose index 0 is element {@code offset} of the
   * segment, as negative strides need it.
   *
   * @throws IllegalArgumentException where the segment is on the heap, misaligned or too small
   * @throws IllegalStateException where the segment's arena is closed
   */
  public static Tensor of(
      MemorySegment segment, long offset, DType dtype, long[] shape, long[] strides) {
    Objects.requireNonNull(segment, "segment");
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(shape, "shape");
    Objects.requireNonNull(strides, "strides");
    return new Tensor(segment, null, offset, dtype, shape.clone(), strides.clone());
  }

  /** {@code shape}: a new zeroed, contiguous, 64-byte aligned tensor in {@code arena}. */
  public static Tensor allocate(Arena arena, DType dtype, long... shape) {
    Objects.requireNonNull(arena, "arena");
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(shape, "shape");
    TensorChecks.checkShape(shape);
    return of(arena.allocate(Layout.bytes(shape, dtype), ALIGNMENT), dtype, shape);
  }

  /** {@code shape}: an F32 tensor in {@code arena} with a copy of row-major {@code data}. */
  public static Tensor copyOf(Arena arena, float[] data, long... shape) {
    return copyOf(arena, DType.F32, data, shape);
  }

  /**
   * {@code shape}: a tensor in {@code arena} with row-major {@code data}, rounded to {@code dtype}.
   *
   * @throws UnsupportedOperationException for I32 and I64
   */
  public static Tensor copyOf(Arena arena, DType dtype, float[] data, long... shape) {
    return TensorData.copyOf(arena, dtype, Objects.requireNonNull(data, "data"), shape);
  }

  /** {@code shape}: a BOOL tensor in {@code arena} with a copy of row-major {@code data}. */
  public static Tensor copyOf(Arena arena, boolean[] data, long... shape) {
    return TensorData.copyOf(arena, Objects.requireNonNull(data, "data"), shape);
  }

  /** {@code shape}: an I8 tensor in {@code arena} with a copy of row-major {@code data}. */
  public static Tensor copyOf(Arena arena, byte[] data, long... shape) {
    return TensorData.copyOf(arena, Objects.requireNonNull(data, "data"), shape);
  }

  /** {@code shape}: an I32 tensor in {@code arena} with a copy of row-major {@code data}. */
  public static Tensor copyOf(Arena arena, int[] data, long... shape) {
    return TensorData.copyOf(arena, Objects.requireNonNull(data, "data"), shape);
  }

  /**
   * {@code shape}: an F16 or BF16 tensor in {@code arena} with a copy of row-major {@code bits},
   * the elements as they are stored.
   */
  public static Tensor copyOf(Arena arena, DType dtype, short[] bits, long... shape) {
    return TensorData.copyOf(arena, dtype, Objects.requireNonNull(bits, "bits"), shape);
  }

  /** {@code shape}: an I64 tensor in {@code arena} with a copy of row-major {@code data}. */
  public static Tensor copyOf(Arena arena, long[] data, long... shape) {
    return TensorData.copyOf(arena, Objects.requireNonNull(data, "data"), shape);
  }

  /** The element type. */
  public DType dtype() {
    return dtype;
  }

  /** The number of dimensions, 1 to 8. */
  public int rank() {
    return shape.length;
  }

  /**
   * The size of dimension {@code dim}.
   *
   * @throws IndexOutOfBoundsException where there is no such dimension
   */
  public long size(int dim) {
    return shape[TensorChecks.dimension(dim, this)];
  }

  /**
   * Elements from one index of dimension {@code dim} to the next.
   *
   * @throws IndexOutOfBoundsException where there is no such dimension
   */
  public long stride(int dim) {
    return strides[TensorChecks.dimension(dim, this)];
  }

  /** A copy of the shape. */
  public long[] shape() {
    return shape.clone();
  }

  /** A copy of the strides, in elements. */
  public long[] strides() {
    return strides.clone();
  }

  /** The number of elements: the product of the sizes. */
  public long elements() {
    return elements;
  }

  /**
   * The memory viewed. On a device it is a segment of 0 bytes at the device's address, which Java
   * cannot touch and whose scope ends with the {@link DeviceMemory}.
   */
  public MemorySegment segment() {
    return segment;
  }

  /** Whether the elements lie on a device, where only calls and copies reach them. */
  public boolean isOnDevice() {
    return memory instanceof DeviceMemory;
  }

  /** The device or pinned memory that this is a view of; null for any other segment. */
  @Nullable CudaMemory memory() {
    return memory;
  }

  /** The element of the segment that index (0, ..., 0) names. */
  public long offset() {
    return offset;
  }

  /** The address of index (0, ..., 0). Valid as long as the segment is. */
  public long address() {
    return address;
  }

  /** Whether the elements lie in row-major order without gaps. */
  public boolean isContiguous() {
    return contiguous;
  }

  /** (n[dims[0]], n[dims[1]], ...): the same elements with reordered dimensions. */
  public Tensor permute(int... dims) {
    return TensorViews.permute(this, Objects.requireNonNull(dims, "dims"));
  }

  /**
   * (..., to - from, ...): the indices {@code from} (inclusive) to {@code to} (exclusive) of one
   * dimension.
   */
  public Tensor slice(int dim, long from, long to) {
    return TensorViews.slice(this, dim, from, to);
  }

  /**
   * The sub-tensor at {@code index} of one dimension, which disappears; the rank must be at least
   * 2.
   */
  public Tensor select(int dim, long index) {
    return TensorViews.select(this, dim, index);
  }

  /** {@code newShape}: the same elements of a contiguous tensor in another shape. */
  public Tensor reshape(long... newShape) {
    return TensorViews.reshape(this, Objects.requireNonNull(newShape, "shape").clone());
  }

  /**
   * {@code newShape}: this tensor broadcast, right-aligned; a dimension of size 1 or a new one gets
   * stride 0. Elements then share memory, so that no call takes the result as an output.
   */
  public Tensor expand(long... newShape) {
    return TensorViews.expand(this, Objects.requireNonNull(newShape, "shape").clone());
  }

  /**
   * A row-major copy of the elements; BOOL elements become 1 and 0.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of I32 or I64
   */
  public float[] toFloatArray() {
    return TensorData.floats(this);
  }

  /**
   * A row-major copy of the elements of an I8 tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public byte[] toByteArray() {
    return TensorData.bytes(this);
  }

  /**
   * A row-major copy of the elements of an I32 tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public int[] toIntArray() {
    return TensorData.ints(this);
  }

  /**
   * A row-major copy of the elements of an I8, I32 or I64 tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public long[] toLongArray() {
    return TensorData.longs(this);
  }

  /**
   * A row-major copy of the elements of an F16 or BF16 tensor, as the bits that are stored.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public short[] toShortArray() {
    return TensorData.shorts(this);
  }

  /**
   * A row-major copy of the elements of a BOOL tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public boolean[] toBooleanArray() {
    return TensorData.booleans(this);
  }

  /** The same shape and elements, contiguous and new in {@code arena}. */
  public Tensor contiguousCopy(Arena arena) {
    return TensorData.contiguousCopy(arena, this);
  }

  /**
   * The same shape, contiguous and new in {@code arena}, with the elements in another type as
   * {@link #copyFrom(Tensor)} converts them.
   */
  public Tensor toType(Arena arena, DType newType) {
    return TensorData.toType(arena, Objects.requireNonNull(newType, "newType"), this);
  }

  /**
   * Copies the elements of a tensor of this shape, whatever its strides and type, into this one.
   * The two may overlap: the source is read as it was before. Between equal types the bits stay as
   * they are. Otherwise
   *
   * <ul>
   *   <li>F32, F16 and BF16 elements are rounded to nearest even, once: a number that is too large
   *       becomes infinity, one that is too small 0 of its sign, and NaN stays NaN;
   *   <li>I8, I32 and I64 elements take integers of their range only, without rounding or clamping;
   *       a fraction, an infinity or NaN is refused, and -0 is 0;
   *   <li>a BOOL element is false for 0 and -0 and true for everything else, NaN too; a BOOL source
   *       counts as 1 and 0.
   * </ul>
   *
   * @throws IllegalArgumentException naming the value that does not fit and its index, before
   *     anything is written; or where the shapes differ, this tensor's memory is read-only or its
   *     strides name an element twice
   * @throws IllegalStateException where the memory of one of them is closed
   * @throws UnsupportedOperationException for a tensor on a device; see {@link CudaDevice#copy}
   */
  public void copyFrom(Tensor source) {
    TensorData.copy(Objects.requireNonNull(source, "source"), this);
  }

  /**
   * Writes one value, rounded to nearest even, into every element, as {@link #set} does. A
   * broadcast tensor is allowed.
   */
  public void fill(float value) {
    TensorData.fill(this, value);
  }

  /** Writes one value into every element of an I8, I32 or I64 tensor, which must hold it. */
  public void fillLong(long value) {
    TensorData.fill(this, value);
  }

  /**
   * Writes row-major {@code data}, one value per element, rounded to nearest even; any non-zero
   * value is true in a BOOL tensor, and an I8 one takes its own integers only.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of I32 or I64
   */
  public void copyFrom(float[] data) {
    TensorData.copy(Objects.requireNonNull(data, "data"), this);
  }

  /**
   * Writes row-major {@code data} into an I8 tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public void copyFrom(byte[] data) {
    TensorData.copy(Objects.requireNonNull(data, "data"), this);
  }

  /**
   * Writes row-major {@code data} into an I32 tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public void copyFrom(int[] data) {
    TensorData.copy(Objects.requireNonNull(data, "data"), this);
  }

  /**
   * Writes row-major {@code bits}, as they are stored, into an F16 or BF16 tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public void copyFrom(short[] bits) {
    TensorData.copy(Objects.requireNonNull(bits, "bits"), this);
  }

  /**
   * Writes row-major {@code data} into a BOOL tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public void copyFrom(boolean[] data) {
    TensorData.copy(Objects.requireNonNull(data, "data"), this);
  }

  /**
   * Writes row-major {@code data} into an I8, I32 or I64 tensor, which must hold each value.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public void copyFrom(long[] data) {
    TensorData.copy(Objects.requireNonNull(data, "data"), this);
  }

  /**
   * One element; a BOOL one is 1 or 0.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of I32 or I64
   */
  public float get(long... index) {
    return TensorElements.get(this, index);
  }

  /**
   * One element of an I8, I32 or I64 tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public long getLong(long... index) {
    return TensorElements.getLong(this, index);
  }

  /**
   * One element of a BOOL tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public boolean getBoolean(long... index) {
    return TensorElements.getBoolean(this, index);
  }

  /**
   * Writes one element, rounded to nearest even; any non-zero value is true in a BOOL tensor, and
   * an I8 one takes its own integers only.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of I32 or I64
   */
  public void set(float value, long... index) {
    TensorElements.set(this, value, index);
  }

  /**
   * Writes one element of an I8, I32 or I64 tensor, which must hold it.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public void setLong(long value, long... index) {
    TensorElements.setLong(this, value, index);
  }

  /**
   * Writes one element of a BOOL tensor.
   *
   * @throws UnsupportedOperationException for a tensor on a device, or of another type
   */
  public void setBoolean(boolean value, long... index) {
    TensorElements.setBoolean(this, value, index);
  }

  /** Another view of the same memory. Takes the arrays. */
  Tensor view(long newOffset, long[] newShape, long[] newStrides) {
    return new Tensor(segment, memory, newOffset, dtype, newShape, newStrides);
  }

  /** For example {@code F32 (1, 12, 512, 64)}, with the strides where they are not contiguous. */
  @Override
  public String toString() {
    String text = dtype + " " + Layout.text(shape);
    text = isOnDevice() ? text + " on " + memory.device().name() : text;
    return contiguous ? text : text + " with strides " + Layout.text(strides);
  }
}
