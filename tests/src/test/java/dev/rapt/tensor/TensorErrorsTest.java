// SPDX-License-Identifier: Apache-2.0
package dev.rapt.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What a tensor refuses, and that it says what it was given and what it takes. */
class TensorErrorsTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** Every method that reads elements of a tensor of a type. */
  private List<Runnable> readers(Tensor tensor) {
    List<Runnable> readers = new ArrayList<>();
    readers.add(() -> tensor.contiguousCopy(arena));
    readers.add(() -> tensor.toType(arena, DType.F32));
    readers.add(() -> zeros(DType.F32).copyFrom(tensor));
    switch (tensor.dtype()) {
      case F32 -> readers.add(tensor::toFloatArray);
      case F16, BF16 -> readers.add(tensor::toShortArray);
      case BOOL -> {
        readers.add(tensor::toBooleanArray);
        readers.add(() -> tensor.getBoolean(0, 0));
      }
      case I8 -> readers.add(tensor::toByteArray);
      case I32 -> readers.add(tensor::toIntArray);
      case I64 -> readers.add(tensor::toLongArray);
    }
    readers.add(
        tensor.dtype() == DType.I32 || tensor.dtype() == DType.I64
            ? () -> tensor.getLong(0, 0)
            : () -> tensor.get(0, 0));
    return readers;
  }

  /** Every method that writes elements; {@code each} where they get values of their own. */
  private List<Runnable> writers(Tensor tensor, boolean each) {
    List<Runnable> writers = new ArrayList<>();
    DType dtype = tensor.dtype();
    writers.add(() -> tensor.copyFrom(zeros(dtype)));
    switch (dtype) {
      case F32 -> writers.add(() -> tensor.copyFrom(new float[6]));
      case F16, BF16 -> writers.add(() -> tensor.copyFrom(new short[6]));
      case BOOL -> writers.add(() -> tensor.copyFrom(new boolean[6]));
      case I8 -> writers.add(() -> tensor.copyFrom(new byte[6]));
      case I32 -> writers.add(() -> tensor.copyFrom(new int[6]));
      case I64 -> writers.add(() -> tensor.copyFrom(new long[6]));
    }
    if (!each) {
      boolean index = dtype == DType.I32 || dtype == DType.I64;
      writers.add(dtype.isInteger() ? () -> tensor.fillLong(1) : () -> tensor.fill(1));
      writers.add(index ? () -> tensor.setLong(1, 0, 0) : () -> tensor.set(1, 0, 0));
      if (dtype == DType.BOOL) {
        writers.add(() -> tensor.setBoolean(true, 0, 0));
      }
    }
    return writers;
  }

  private Tensor zeros(DType dtype) {
    return Tensor.allocate(arena, dtype, 2, 3);
  }

  @Test
  void closedMemoryIsNamed() {
    for (DType dtype : DType.values()) {
      Arena closed = Arena.ofConfined();
      Tensor gone = Tensor.allocate(closed, dtype, 2, 3);
      closed.close();
      List<Runnable> all = readers(gone);
      all.addAll(writers(gone, false));
      for (Runnable use : all) {
        String message = assertThrows(IllegalStateException.class, use::run).getMessage();
        assertTrue(message.contains("lies in an arena that is already closed"), message);
      }
    }
    Arena closed = Arena.ofConfined();
    closed.close();
    assertThrows(IllegalStateException.class, () -> Tensor.allocate(closed, DType.F32, 1));
    assertThrows(IllegalStateException.class, () -> Tensor.copyOf(closed, new float[1], 1));
    assertThrows(IllegalStateException.class, () -> zeros(DType.F32).contiguousCopy(closed));
  }

  @Test
  void memoryOfAnotherThreadIsNamed() throws InterruptedException {
    for (DType dtype : DType.values()) {
      Tensor ours = zeros(dtype);
      try (Arena shared = Arena.ofShared()) {
        Tensor open = Tensor.allocate(shared, dtype, 2, 3);
        onAnotherThread(
            () -> {
              for (Runnable use : writers(ours, false)) {
                String message = assertThrows(WrongThreadException.class, use::run).getMessage();
                boolean allocates = message.contains("Attempted access");
                assertTrue(allocates || message.contains("confined to another thread"), message);
              }
              assertThrows(WrongThreadException.class, () -> ours.toType(shared, DType.F32));
              open.copyFrom(open);
            });
      }
    }
  }

  private static void onAnotherThread(Runnable action) throws InterruptedException {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread = Thread.ofPlatform().unstarted(action);
    thread.setUncaughtExceptionHandler((unused, thrown) -> failure.set(thrown));
    thread.start();
    thread.join();
    assertEquals(null, failure.get());
  }

  @Test
  void readOnlyMemoryIsReadOnly() {
    for (DType dtype : DType.values()) {
      Tensor tensor = zeros(dtype);
      Tensor readOnly = Tensor.of(tensor.segment().asReadOnly(), dtype, 2, 3);
      readers(readOnly).forEach(Runnable::run);
      for (Runnable writer : writers(readOnly, false)) {
        rejected("lies in a read-only segment; allowed: writable memory", writer);
      }
    }
  }

  @Test
  void heapMemoryIsNone() {
    MemorySegment heap = MemorySegment.ofArray(new long[8]);
    for (DType dtype : DType.values()) {
      rejected("on the Java heap; allowed: off-heap memory", () -> Tensor.of(heap, dtype, 2));
    }
  }

  /** Two indices of one element, neither of which could keep its value. */
  @Test
  void sharedElementsAreNoTarget() {
    for (DType dtype : DType.values()) {
      Tensor row = Tensor.allocate(arena, dtype, 3).expand(2, 3);
      Tensor windows =
          Tensor.of(zeros(dtype).segment(), dtype, new long[] {2, 3}, new long[] {1, 1});
      for (Tensor shared : new Tensor[] {row, windows}) {
        readers(shared).forEach(Runnable::run);
        for (Runnable writer : writers(shared, true)) {
          rejected("allowed: strides that never name an element twice", writer);
        }
      }
    }
  }

  @Test
  void wrongLengthsAreNamed() {
    String allowed = "data has 5 values; allowed: the 6 elements of ";
    rejected(allowed + "F32 (2, 3)", () -> zeros(DType.F32).copyFrom(new float[5]));
    rejected(allowed + "BOOL", () -> zeros(DType.BOOL).copyFrom(new boolean[5]));
    rejected(allowed + "I8", () -> zeros(DType.I8).copyFrom(new byte[5]));
    rejected(allowed + "F16", () -> zeros(DType.F16).copyFrom(new short[5]));
    rejected(allowed + "I32", () -> zeros(DType.I32).copyFrom(new int[5]));
    rejected(allowed + "I64", () -> zeros(DType.I64).copyFrom(new long[5]));
    rejected(allowed + "I64", () -> Tensor.copyOf(arena, new long[5], 2, 3));
    rejected("data has 1 values; allowed: the 0", () -> Tensor.copyOf(arena, new float[1], 0));
    rejected(
        "source is I8 (3, 2); allowed: the target's shape (2, 3), to which expand broadcasts",
        () -> zeros(DType.F32).copyFrom(Tensor.allocate(arena, DType.I8, 3, 2)));
    rejected("(6)", () -> zeros(DType.F32).copyFrom(Tensor.allocate(arena, DType.F32, 6)));
  }

  @Test
  void otherTypesAreNamed() {
    for (DType dtype : DType.values()) {
      Tensor t = zeros(dtype);
      boolean sixteen = dtype == DType.F16 || dtype == DType.BF16;
      boolean index = dtype == DType.I32 || dtype == DType.I64;
      misfit(!sixteen, "F16 or BF16", t, Tensor::toShortArray, x -> x.copyFrom(new short[6]));
      misfit(dtype != DType.I8, "I8", t, Tensor::toByteArray, x -> x.copyFrom(new byte[6]));
      misfit(dtype != DType.I32, "I32", t, Tensor::toIntArray, x -> x.copyFrom(new int[6]));
      boolean integer = dtype.isInteger();
      String integers = "I8 or I32 or I64";
      misfit(!integer, integers, t, Tensor::toLongArray, x -> x.copyFrom(new long[6]));
      misfit(!integer, integers, t, x -> x.getLong(0, 0), x -> x.setLong(1, 0, 0));
      misfit(!integer, integers, t, x -> x.fillLong(1), x -> x.fillLong(2));
      misfit(index, "float does not hold", t, Tensor::toFloatArray, x -> x.copyFrom(new float[6]));
      misfit(index, "float does not hold", t, x -> x.get(0, 0), x -> x.set(1, 0, 0));
      misfit(index, "float does not hold", t, x -> x.fill(1), x -> x.fill(2));
      boolean bool = dtype == DType.BOOL;
      misfit(!bool, "BOOL", t, Tensor::toBooleanArray, x -> x.copyFrom(new boolean[6]));
      misfit(!bool, "BOOL", t, x -> x.getBoolean(0, 0), x -> x.setBoolean(true, 0, 0));
      if (!sixteen) {
        rejected(
            "dtype is " + dtype + "; allowed: F16 or BF16",
            () -> Tensor.copyOf(arena, dtype, new short[6], 2, 3));
      }
    }
  }

  private static void misfit(
      boolean expected, String part, Tensor tensor, Consumer<Tensor> one, Consumer<Tensor> other) {
    for (Consumer<Tensor> use : List.of(one, other)) {
      if (expected) {
        String message =
            assertThrows(UnsupportedOperationException.class, () -> use.accept(tensor))
                .getMessage();
        assertTrue(message.contains(part) && message.contains(tensor.toString()), message);
      } else {
        use.accept(tensor);
      }
    }
  }

  @Test
  void valuesOutOfRangeAreNamed() {
    Tensor i8 = zeros(DType.I8);
    rejected(
        "value is 128; allowed in an I8 tensor: integers from -128 to 127", () -> i8.fillLong(128));
    rejected("value is -129; allowed in an I8 tensor", () -> i8.setLong(-129, 0, 0));
    rejected(
        "data is 128 at index (0, 1); allowed in an I8 tensor",
        () -> i8.copyFrom(new long[] {0, 128, 0, 0, 0, 0}));
    rejected("value is 0.5; allowed in an I8 tensor", () -> i8.fill(0.5f));
    rejected("value is NaN", () -> i8.set(Float.NaN, 1, 1));
    rejected("data is 1.5 at index (1, 2)", () -> i8.copyFrom(new float[] {0, 0, 0, 0, 0, 1.5f}));
    Tensor i32 = zeros(DType.I32);
    rejected("value is 2147483648", () -> i32.fillLong(1L << 31));
    rejected("value is -2147483649", () -> i32.setLong((-1L << 31) - 1, 0, 0));
    rejected(
        "data is 2147483648 at index (0, 1)",
        () -> i32.copyFrom(new long[] {0, 1L << 31, 0, 0, 0, 0}));
    assertArrayEquals(new int[6], i32.toIntArray());
  }

  @Test
  void everyRankFromOneToEight() {
    assertEquals(1, Tensor.allocate(arena, DType.F32, 1).rank());
    assertEquals(8, Tensor.allocate(arena, DType.F32, 1, 1, 1, 1, 1, 1, 1, 1).rank());
    Tensor one = Tensor.copyOf(arena, new float[] {3}, 1);
    String none = "shape () has rank 0; allowed: 1 to 8";
    rejected(none, () -> Tensor.allocate(arena, DType.F32));
    rejected(none, () -> Tensor.copyOf(arena, new float[] {3}));
    rejected(none, () -> Tensor.of(one.segment(), DType.F32, new long[0], new long[0]));
    rejected(none, one::reshape);
    rejected(none, one::expand);
    rejected("rank 9", () -> one.expand(1, 1, 1, 1, 1, 1, 1, 1, 1));
    rejected("select needs rank 2 or more; the tensor is F32 (1)", () -> one.select(0, 0));
    for (int dim : new int[] {-1, 1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      String named = "dimension " + dim + " of F32 (1); allowed: 0 to 0";
      for (Executable use : List.<Executable>of(() -> one.size(dim), () -> one.stride(dim))) {
        assertEquals(named, assertThrows(IndexOutOfBoundsException.class, use).getMessage());
      }
    }
    assertThrows(IndexOutOfBoundsException.class, one::get);
    assertThrows(IndexOutOfBoundsException.class, () -> one.set(1, 0, 0));
    assertThrows(IndexOutOfBoundsException.class, () -> zeros(DType.I64).setLong(1, 0, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> zeros(DType.BOOL).getBoolean(-1, 0));
    assertThrows(IndexOutOfBoundsException.class, () -> zeros(DType.BOOL).setBoolean(true, 2, 0));
  }

  @Test
  void reshapingNamesTheCopyThatItNeeds() {
    Tensor columns = Tensor.copyOf(arena, new float[] {0, 1, 2, 3, 4, 5}, 2, 3).permute(1, 0);
    rejected(
        "reshape of F32 (3, 2) with strides (1, 3); allowed: contiguous tensors, as by"
            + " contiguousCopy(arena).reshape(...)",
        () -> columns.reshape(6));
    assertArrayEquals(
        new float[] {0, 3, 1, 4, 2, 5}, columns.contiguousCopy(arena).reshape(6).toFloatArray());
    rejected(
        "shape (4) does not have the 6 elements of F32 (3, 2)",
        () -> columns.contiguousCopy(arena).reshape(4));
  }

  @Test
  void aViewKnowsWhatItIs() {
    Tensor whole = Tensor.allocate(arena, DType.F16, 4, 6);
    Tensor part = whole.slice(0, 1, 3).slice(1, 2, 6);
    assertEquals(DType.F16, part.dtype());
    assertEquals(2, part.rank());
    assertEquals(4, part.size(1));
    assertEquals(6, part.stride(0));
    assertEquals(8, part.elements());
    assertEquals(8, part.offset());
    assertEquals(whole.address() + 16, part.address());
    assertEquals(whole.segment(), part.segment());
    assertFalse(part.isContiguous());
    assertFalse(part.isOnDevice());
    assertEquals("F16 (2, 4) with strides (6, 1)", part.toString());
    assertEquals("F16 (4, 6)", whole.toString());
    part.shape()[0] = 9;
    part.strides()[0] = 9;
    assertArrayEquals(new long[] {2, 4}, part.shape());
    assertArrayEquals(new long[] {6, 1}, part.strides());
  }

  @Test
  void nullIsNamed() {
    Tensor tensor = zeros(DType.F32);
    isNull("data", () -> tensor.copyFrom((float[]) null));
    isNull("bits", () -> zeros(DType.F16).copyFrom((short[]) null));
    isNull("source", () -> tensor.copyFrom((Tensor) null));
    isNull("newType", () -> tensor.toType(arena, null));
    isNull("arena", () -> tensor.contiguousCopy(null));
    isNull("arena", () -> Tensor.allocate(null, DType.F32, 1));
    isNull("dtype", () -> Tensor.copyOf(arena, null, new short[1], 1));
    isNull("shape", () -> Tensor.copyOf(arena, new int[1], (long[]) null));
    isNull("shape", () -> tensor.expand((long[]) null));
    isNull("dims", () -> tensor.permute((int[]) null));
    isNull("index", () -> tensor.get((long[]) null));
    isNull("index", () -> tensor.set(1, (long[]) null));
  }

  private static void isNull(String name, Runnable action) {
    assertEquals(name, assertThrows(NullPointerException.class, action::run).getMessage());
  }

  private static void rejected(String part, Runnable action) {
    String message = assertThrows(IllegalArgumentException.class, action::run).getMessage();
    assertTrue(message.contains(part), part + " not in: " + message);
  }
}
