// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.call.OperandTable;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Checks of one argument; every message names it, its value and what was allowed. */
final class Checks {
  static final long MAX_HEAD_DIM = OperandTable.MAX_HEAD_DIM;

  private Checks() {}

  /** Type and memory of a tensor that is only read. */
  static void input(String name, Tensor tensor, DType dtype) {
    if (tensor.dtype() != dtype) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed: elements of type " + dtype);
    }
    alive(name, tensor);
  }

  /** The same for a tensor of any numbers. */
  static void numbers(String name, Tensor tensor) {
    if (!tensor.dtype().isFloating()) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed: elements of type F32, F16 or BF16");
    }
    alive(name, tensor);
  }

  /** That its memory is open, to this thread too. */
  static void alive(String name, Tensor tensor) {
    MemorySegment segment = tensor.segment();
    if (!segment.scope().isAlive()) {
      throw closed(name, tensor, null);
    }
    if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw new WrongThreadException(
          name
              + " lies in an arena that is confined to another thread than "
              + Thread.currentThread());
    }
  }

  /**
   * What an access that threw says to a caller: the same as {@link #alive}, where another thread
   * has closed the memory since. Whatever else it was stays as it is.
   */
  static IllegalStateException closedMeanwhile(
      IllegalStateException thrown, String name, @Nullable Tensor tensor) {
    boolean alive = tensor == null || tensor.segment().scope().isAlive();
    return alive ? thrown : closed(name, tensor, thrown);
  }

  private static IllegalStateException closed(
      String name, Tensor tensor, @Nullable IllegalStateException cause) {
    CudaMemory memory = tensor.memory();
    String where = memory == null ? "an arena" : "memory of " + memory.device().name();
    return new IllegalStateException(name + " lies in " + where + " that is already closed", cause);
  }

  /** Type and memory of a tensor that is written. */
  static void outputOf(String name, Tensor tensor, DType dtype) {
    input(name, tensor, dtype);
    written(name, tensor);
  }

  static void written(String name, Tensor tensor) {
    if (tensor.segment().isReadOnly()) {
      throw new IllegalArgumentException(
          name + " lies in a read-only segment; allowed: writable memory");
    }
    if (tensor.selfOverlapping) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed: strides that never name an element twice");
    }
  }

  /** That writing {@code output} cannot change {@code other}. */
  static void disjoint(String outputName, Tensor output, String otherName, @Nullable Tensor other) {
    if (other != null && Overlap.possible(output, other)) {
      throw overlap(outputName, output, otherName, other);
    }
  }

  static IllegalArgumentException overlap(
      String outputName, Tensor output, String otherName, Tensor other) {
    return new IllegalArgumentException(
        outputName
            + " ("
            + output
            + " at 0x"
            + Long.toHexString(output.address())
            + ") overlaps "
            + otherName
            + " ("
            + other
            + " at 0x"
            + Long.toHexString(other.address())
            + "); allowed: memory of its own");
  }

  static void rank(String name, Tensor tensor, int rank, String shape) {
    if (tensor.rank() != rank) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed: rank " + rank + " " + shape);
    }
  }

  /** That one dimension has the size that another argument requires. */
  static void size(String name, Tensor tensor, int dim, long expected, String reason) {
    if (tensor.size(dim) != expected) {
      throw wrongSize(name, tensor, dim, expected + ", " + reason);
    }
  }

  /** A dimension whose size is not the one, or not among those, that are allowed. */
  static IllegalArgumentException wrongSize(String name, Tensor tensor, int dim, String allowed) {
    return wrongSize(name, tensor, tensor.size(dim), dim, allowed);
  }

  /** The same of anything that has dimensions. */
  static IllegalArgumentException wrongSize(
      String name, Object what, long size, int dim, String allowed) {
    return new IllegalArgumentException(
        name
            + " is "
            + what
            + " with size "
            + size
            + " in dimension "
            + dim
            + "; allowed: "
            + allowed);
  }

  static void headDim(String name, long size) {
    if (size < 1 || size > MAX_HEAD_DIM) {
      throw new IllegalArgumentException(name + " is " + size + "; allowed: 1 to " + MAX_HEAD_DIM);
    }
  }

  /** That so many elements of a row can turn: 0, which is all, or even. */
  static long rotaryDim(long rotaryDim) {
    if (rotaryDim < 0 || rotaryDim > MAX_HEAD_DIM || rotaryDim % 2 != 0) {
      throw new IllegalArgumentException(
          "rotaryDim is "
              + rotaryDim
              + "; allowed: 0 (the head dimension) or even, 2 to "
              + MAX_HEAD_DIM);
    }
    return rotaryDim;
  }
}
