// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** Tensors made of another one's shape and strides, over the same memory. */
final class TensorViews {
  private TensorViews() {}

  static Tensor permute(Tensor tensor, int[] dims) {
    TensorChecks.checkPermutation(dims, tensor.rank());
    long[] shape = new long[dims.length];
    long[] strides = new long[dims.length];
    for (int i = 0; i < dims.length; i++) {
      shape[i] = tensor.size(dims[i]);
      strides[i] = tensor.stride(dims[i]);
    }
    return tensor.view(tensor.offset(), shape, strides);
  }

  static Tensor slice(Tensor tensor, int dim, long from, long to) {
    TensorChecks.checkDim(dim, tensor);
    if (from < 0 || to < from || to > tensor.size(dim)) {
      throw new IllegalArgumentException(
          "slice "
              + from
              + " to "
              + to
              + " of dimension "
              + dim
              + "; allowed: 0 <= from <= to <= "
              + tensor.size(dim));
    }
    long[] shape = tensor.shape();
    shape[dim] = to - from;
    long offset = from == to ? tensor.offset() : skip(tensor, dim, from);
    return tensor.view(offset, shape, tensor.strides());
  }

  static Tensor select(Tensor tensor, int dim, long index) {
    TensorChecks.checkDim(dim, tensor);
    int rank = tensor.rank();
    if (rank == 1) {
      throw new IllegalArgumentException("select needs rank 2 or more; the tensor is " + tensor);
    }
    if (index < 0 || index >= tensor.size(dim)) {
      throw new IllegalArgumentException(
          "index " + index + " of dimension " + dim + "; allowed: less than " + tensor.size(dim));
    }
    long[] shape = new long[rank - 1];
    long[] strides = new long[rank - 1];
    for (int from = 0, to = 0; from < rank; from++) {
      if (from != dim) {
        shape[to] = tensor.size(from);
        strides[to++] = tensor.stride(from);
      }
    }
    return tensor.view(skip(tensor, dim, index), shape, strides);
  }

  /**
   * The offset of an index of one dimension. What is empty has no first element that would have to
   * lie in the memory.
   */
  private static long skip(Tensor tensor, int dim, long index) {
    return tensor.offset() + (tensor.elements() == 0 ? 0 : index * tensor.stride(dim));
  }

  static Tensor reshape(Tensor tensor, long[] shape) {
    TensorChecks.checkShape(shape);
    if (!tensor.isContiguous()) {
      throw new IllegalArgumentException(
          "reshape of "
              + tensor
              + "; allowed: contiguous tensors, as by contiguousCopy(arena).reshape(...)");
    }
    if (Layout.elements(shape) != tensor.elements()) {
      throw new IllegalArgumentException(
          "shape "
              + Layout.text(shape)
              + " does not have the "
              + tensor.elements()
              + " elements of "
              + tensor);
    }
    return tensor.view(tensor.offset(), shape, Layout.contiguousStrides(shape));
  }

  static Tensor expand(Tensor tensor, long[] shape) {
    TensorChecks.checkShape(shape);
    long[] strides = new long[shape.length];
    int added = shape.length - tensor.rank();
    boolean fits = added >= 0;
    for (int dim = 0; fits && dim < tensor.rank(); dim++) {
      boolean same = tensor.size(dim) == shape[dim + added];
      strides[dim + added] = same ? tensor.stride(dim) : 0;
      fits = same || tensor.size(dim) == 1;
    }
    if (!fits) {
      throw new IllegalArgumentException(
          "shape " + Layout.text(shape) + " is not a broadcast of " + tensor);
    }
    return tensor.view(tensor.offset(), shape, strides);
  }
}
