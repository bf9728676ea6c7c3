// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A tensor that an operation reads or writes: a line of its {@link OperandTable}.
 *
 * <p>Lines whose shape depends on the case, which the operation's rules find out, exist once per
 * case, with one slot.
 */
public final class Operand {
  /** The element types that hold numbers. */
  public static final DType[] FLOATS = {DType.F32, DType.F16, DType.BF16};

  /** The element types of keys and values. */
  public static final DType[] FLOATS_OR_I8 = {DType.F32, DType.F16, DType.BF16, DType.I8};

  /** The element types of positions. */
  public static final DType[] INDICES = {DType.I32, DType.I64};

  /** How a tensor of another shape may stand for an operand. */
  public enum Fit {
    /** Not at all. */
    EXACT,
    /** A lower rank or sizes of 1 broadcast, right-aligned. */
    BROADCAST,
    /** Without the first dimension the tensor is shared by all its indices. */
    SHARED,
    /** Without the last dimension the tensor has 1 there. */
    GROUPED
  }

  final int slot;
  final String name;
  final boolean written;
  private final DType[] dtypes;
  private final int dtypeSet;
  final String shape;
  private Fit fit = Fit.EXACT;
  private boolean optional;
  private int when;
  private int inPlace = -1;
  private @Nullable String hint;
  LongSupplier field = () -> 0;
  int[] dims = {};

  /**
   * By how many dimensions fewer a call's tensors have: those of this line that they lack, as bits.
   */
  int[] lacking = {};

  private Operand(int slot, String name, boolean written, DType[] dtypes, String shape) {
    this.slot = slot;
    this.name = name;
    this.written = written;
    this.dtypes = dtypes;
    this.shape = shape;
    int set = 0;
    for (DType dtype : dtypes) {
      set |= 1 << dtype.ordinal();
    }
    dtypeSet = set;
  }

  /**
   * A tensor that is read.
   *
   * @param slot its place in a {@link CallFrame}
   * @param shape a letter per dimension, for example {@code "B Hq Sq D"}; {@code -} is a dimension
   *     of 1 that only the struct has
   */
  public static Operand read(int slot, String name, String shape, DType... dtypes) {
    return new Operand(slot, name, false, dtypes, shape);
  }

  /** A tensor that is written; as {@link #read}. */
  public static Operand write(int slot, String name, String shape, DType... dtypes) {
    return new Operand(slot, name, true, dtypes, shape);
  }

  /** Where its rapt_tensor lies in the struct; asked for by native calls only. */
  public Operand at(LongSupplier offset) {
    field = offset;
    return this;
  }

  /** That it may be absent. */
  public Operand optional() {
    optional = true;
    return this;
  }

  /** The cases, of those the rules find, in which this line counts. */
  public Operand when(int cases) {
    when = cases;
    return this;
  }

  /** How other shapes may stand for this one. */
  public Operand fit(Fit kind) {
    fit = kind;
    return this;
  }

  /** That it may be the operand of another slot itself: the same memory, strides and type. */
  public Operand inPlaceOf(int otherSlot) {
    inPlace = otherSlot;
    return this;
  }

  /** What to do about an element type that is not allowed. */
  public Operand hint(String sentence) {
    hint = sentence;
    return this;
  }

  /** Its place in a call. */
  public int slot() {
    return slot;
  }

  /** What callers know it by. */
  public String name() {
    return name;
  }

  /** Whether it is written. */
  public boolean written() {
    return written;
  }

  /** Whether an element type is allowed. */
  public boolean allows(DType dtype) {
    return (dtypeSet >> dtype.ordinal() & 1) != 0;
  }

  /** The element types allowed, and what else to know about them. */
  public String allowed() {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < dtypes.length; i++) {
      text.append(i == 0 ? "" : i < dtypes.length - 1 ? ", " : " or ").append(dtypes[i]);
    }
    return hint == null ? text.toString() : text + "; " + hint;
  }

  /** How other shapes may stand for this one. */
  public Fit fit() {
    return fit;
  }

  /** Whether it may be absent. */
  public boolean isOptional() {
    return optional;
  }

  /** Whether this line counts in one of the cases. */
  public boolean counts(int cases) {
    return when == 0 || (when & cases) != 0;
  }

  /** Whether this line counts whatever the case, and the tensor must be there. */
  public boolean always() {
    return when == 0 && !optional;
  }

  /** The slot of the operand that this one may be; -1 = none. */
  public int inPlace() {
    return inPlace;
  }

  /** The dimensions as indices into the table's sizes, outermost first; -1 is 1 and not there. */
  public int dimensions() {
    return dims.length;
  }

  /**
   * Whether a tensor has exactly the dimensions of this line: it broadcasts none and, where a
   * call's tensors have {@code missing} dimensions fewer, lacks none.
   */
  public boolean hasAll(Tensor tensor, int missing) {
    return fit != Fit.BROADCAST && lacking[missing] == 0 && tensor.rank() == dims.length;
  }

  /** Dimension {@code i} as an index into the table's sizes; -1 = 1, and only in the struct. */
  public int dimension(int i) {
    return dims[i];
  }
}
