// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import java.lang.foreign.MemoryLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.StringJoiner;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What an operation is for everything that does not compute it: its sizes, and its operands with
 * their types and shapes. Checks, overlap, places, the struct and the tensors that a native call
 * holds come from it. Immutable.
 *
 * <p>The native library has the same table, in {@code native/ops}.
 */
public final class OperandTable {
  /** Products of sizes that address written elements stay inside a long; as in the C library. */
  public static final long MAX_SIZE = 1L << 40;

  /** The largest head dimension. */
  public static final long MAX_HEAD_DIM = 1024;

  /** The largest number of heads or features. */
  public static final long MAX_FEATURES = 1L << 24;

  final String word;
  final Dimension[] dimensions;
  final Operand[] operands;
  private final Operand[][] slots;
  private final int always;
  private final int needed;
  private final int optional;
  private final int written;
  private final int mostMissing;
  private final IntSupplier number;
  private final Supplier<MemoryLayout> layout;
  private volatile @Nullable StructFields fields;

  private OperandTable(Builder builder) {
    word = builder.word;
    number = builder.number;
    layout = builder.layout;
    dimensions = builder.dimensions.toArray(Dimension[]::new);
    operands = builder.operands.toArray(Operand[]::new);
    Arrays.sort(operands, Comparator.comparingInt(OperandTable::order)); // stable
    mostMissing = Arrays.stream(dimensions).mapToInt(Dimension::dropped).max().orElse(0);
    slots = new Operand[CallFrame.SLOTS][];
    for (int slot = 0; slot < slots.length; slot++) {
      int wanted = slot;
      slots[slot] = Arrays.stream(operands).filter(o -> o.slot == wanted).toArray(Operand[]::new);
    }
    always = (int) Arrays.stream(operands).filter(Operand::always).count();
    needed = (int) Arrays.stream(operands).filter(o -> !o.isOptional()).count();
    optional = bits(Operand::isOptional);
    written = bits(Operand::written);
    for (Operand operand : operands) {
      operand.dims = indices(operand.shape);
      operand.lacking = lacking(operand.dims);
    }
  }

  /** The order of {@link #line}. */
  private static int order(Operand operand) {
    return operand.always() ? 0 : operand.isOptional() ? 2 : 1;
  }

  private int bits(Predicate<Operand> has) {
    return Arrays.stream(operands)
        .filter(has)
        .mapToInt(o -> 1 << o.slot)
        .reduce(0, (a, b) -> a | b);
  }

  private int[] lacking(int[] dims) {
    int[] lacking = new int[mostMissing + 1];
    for (int missing = 0; missing <= mostMissing; missing++) {
      for (int i = 0; i < dims.length; i++) {
        boolean lacks = dims[i] < 0 || dimensions[dims[i]].missingIn(missing);
        lacking[missing] |= lacks ? 1 << i : 0;
      }
    }
    return lacking;
  }

  /**
   * A table without any line yet.
   *
   * @param word what the operation is called everywhere
   * @param number its RAPT_… constant; asked for by native calls only, like every offset, because
   *     Java may lack the native access that the bindings need
   * @param layout that of its struct
   */
  public static Builder of(String word, IntSupplier number, Supplier<MemoryLayout> layout) {
    return new Builder(word, number, layout);
  }

  /** What the operation is called everywhere. */
  public String word() {
    return word;
  }

  /** Where its struct has what. */
  StructFields fields() {
    StructFields known = fields;
    if (known == null) {
      known = new StructFields(number.getAsInt(), layout.get(), operands, dimensions);
      fields = known;
    }
    return known;
  }

  /** The operation's RAPT_… constant. */
  public int number() {
    return fields().number;
  }

  /** How many lines there are. */
  public int lines() {
    return operands.length;
  }

  /**
   * A line; first come those that {@link Operand#always} count, then those whose tensors must be
   * there in some case, then those whose tensors are optional.
   */
  public Operand line(int i) {
    return operands[i];
  }

  /** How many lines always count. */
  public int alwaysLines() {
    return always;
  }

  /** How many lines have tensors that must be there where the line counts. */
  public int neededLines() {
    return needed;
  }

  /** How many sizes there are. */
  public int sizes() {
    return dimensions.length;
  }

  /** The index of a size. */
  public int index(String letter) {
    for (int i = 0; i < dimensions.length; i++) {
      if (dimensions[i].letter().equals(letter)) {
        return i;
      }
    }
    throw new IllegalArgumentException("no size " + letter + " in the table of " + word);
  }

  /** The smallest value of a size. */
  public long least(int dimension) {
    return dimensions[dimension].least();
  }

  /** The largest value of a size. */
  public long most(int dimension) {
    return dimensions[dimension].most();
  }

  /** What a size is, for error sentences. */
  public String words(int dimension) {
    return dimensions[dimension].words();
  }

  /** The line of a slot that counts in one of the cases. */
  public Operand at(int slot, int cases) {
    for (Operand operand : slots[slot]) {
      if (operand.counts(cases)) {
        return operand;
      }
    }
    throw new AssertionError(word + " has no slot " + slot);
  }

  /** The slots whose tensors may be absent, as bits. */
  public int optionalSlots() {
    return optional;
  }

  /** The slots whose tensors are written, as bits. */
  public int writtenSlots() {
    return written;
  }

  /** The rank of a line's tensors where the call's tensors miss so many dimensions. */
  public int rank(Operand operand, int missing) {
    return operand.dims.length - Integer.bitCount(operand.lacking[missing]);
  }

  /** Whether tensors of a call that miss so many dimensions lack dimension {@code i} of a line. */
  public boolean lacks(Operand operand, int i, int missing) {
    return (operand.lacking[missing] >> i & 1) != 0;
  }

  /** How many dimensions a call's tensors may miss at most. */
  public int mostMissing() {
    return mostMissing;
  }

  /** A line's shape in letters, for example {@code (B, Hq, Sq, D)}. */
  public String shape(Operand operand, int missing) {
    StringJoiner text = new StringJoiner(", ", "(", ")");
    for (int dim : operand.dims) {
      if (dim >= 0 && !dimensions[dim].missingIn(missing)) {
        text.add(dimensions[dim].letter());
      }
    }
    return text.toString();
  }

  private int[] indices(String shape) {
    String[] letters = shape.split(" ");
    int[] indices = new int[letters.length];
    for (int i = 0; i < letters.length; i++) {
      indices[i] = letters[i].equals("-") ? -1 : index(letters[i]);
    }
    return indices;
  }

  /** Collects the lines of a table. */
  public static final class Builder {
    private final String word;
    private final IntSupplier number;
    private final Supplier<MemoryLayout> layout;
    private final List<Dimension> dimensions = new ArrayList<>();
    private final List<Operand> operands = new ArrayList<>();

    private Builder(String word, IntSupplier number, Supplier<MemoryLayout> layout) {
      this.word = word;
      this.number = number;
      this.layout = layout;
    }

    /** A size, of {@code least} to {@code most}, with its field in the struct. */
    public Builder size(
        String letter, String words, @Nullable LongSupplier field, long least, long most) {
      dimensions.add(new Dimension(letter, words, field, least, most, 0));
      return this;
    }

    /** A size that the struct does not hold. */
    public Builder size(String letter, String words) {
      return size(letter, words, null, 0, MAX_SIZE);
    }

    /** The size added last is 1 where the tensors have {@code fewer} dimensions less, or more. */
    public Builder droppedAt(int fewer) {
      Dimension last = dimensions.removeLast();
      dimensions.add(
          new Dimension(
              last.letter(), last.words(), last.field(), last.least(), last.most(), fewer));
      return this;
    }

    /** An operand. */
    public Builder operand(Operand operand) {
      operands.add(operand);
      return this;
    }

    /** The table. */
    public OperandTable build() {
      return new OperandTable(this);
    }
  }
}
