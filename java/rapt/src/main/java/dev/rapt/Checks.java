// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Checks of one argument; every message names it, its value and what was allowed. */
final class Checks {
  static final long MAX_HEAD_DIM = 1024;

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

  /** The same where a scale beside it may make numbers of bytes. */
  static void numbersOrI8(String name, Tensor tensor) {
    if (!tensor.dtype().isFloating() && tensor.dtype() != DType.I8) {
      throw new IllegalArgumentException(
          name + " is " + tensor + "; allowed: elements of type F32, F16, BF16 or I8");
    }
    alive(name, tensor);
  }

  /** That its memory is open, to this thread too. */
  static void alive(String name, Tensor tensor) {
    MemorySegment segment = tensor.segment();
    if (!segment.scope().isAlive()) {
      CudaMemory memory = tensor.memory();
      String where = memory == null ? "an arena" : "memory of " + memory.device().name();
      throw new IllegalStateException(name + " lies in " + where + " that is already closed");
    }
    if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw new WrongThreadException(
          name
              + " lies in an arena that is confined to another thread than "
              + Thread.currentThread());
    }
  }

  /** Type and memory of a tensor that is written. */
  static void outputOf(String name, Tensor tensor, DType dtype) {
    input(name, tensor, dtype);
    written(name, tensor);
  }

  /** The same for a tensor of any numbers. */
  static void output(String name, Tensor tensor) {
    numbers(name, tensor);
    written(name, tensor);
  }

  private static void written(String name, Tensor tensor) {
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
      throw new IllegalArgumentException(
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
      throw new IllegalArgumentException(
          name
              + " is "
              + tensor
              + " with size "
              + tensor.size(dim)
              + " in dimension "
              + dim
              + "; allowed: "
              + expected
              + ", "
              + reason);
    }
  }

  static void headDim(String name, long size) {
    if (size < 1 || size > MAX_HEAD_DIM) {
      throw new IllegalArgumentException(name + " is " + size + "; allowed: 1 to " + MAX_HEAD_DIM);
    }
  }

  static void heads(long heads, long kvHeads) {
    if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "query has "
              + heads
              + " heads and key "
              + kvHeads
              + "; allowed: 1 or more, the query's a multiple of the key's");
    }
  }

  /**
   * That a tensor of rank 1 to {@code rank} broadcasts to the last {@code rank} of (d0, d1, d2,
   * d3).
   */
  static void broadcast(String name, Tensor tensor, int rank, long d0, long d1, long d2, long d3) {
    boolean fits = tensor.rank() <= rank;
    for (int dim = 1; fits && dim <= tensor.rank(); dim++) {
      long size = tensor.size(tensor.rank() - dim);
      long target = dim == 1 ? d3 : dim == 2 ? d2 : dim == 3 ? d1 : d0;
      fits = size == 1 || size == target;
    }
    if (!fits) {
      long[] all = {d0, d1, d2, d3};
      throw new IllegalArgumentException(
          name
              + " is "
              + tensor
              + "; allowed: what broadcasts, right-aligned, to "
              + Layout.text(Arrays.copyOfRange(all, 4 - rank, 4)));
    }
  }
}
