// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import dev.rapt.DType;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention in the two ways of llama.cpp: as products with a softmax between them, over values that
 * its cache keeps transposed, and as one flash operation. Queries, scores and output are f32, keys
 * and values of the storage type.
 */
final class GgmlAttention implements Contender {
  /** The scores of all heads at once, where they are kept: more is not asked of it. */
  private static final double MAX_SCORE_BYTES = 0x1p31;

  /** A mask's rows are a multiple of these. */
  private static final int MASK_ROWS = 64;

  /** What a graph and the heads of its tensors take at most. */
  private static final long OVERHEAD = 1L << 20;

  private final Shape shape;
  private final DType dtype;
  private final boolean flash;
  private final Ggml ggml;
  private final List<Ggml.Graph> graphs = new ArrayList<>();
  private final List<MemorySegment> results = new ArrayList<>();
  private int last;

  private GgmlAttention(Arena arena, Operands operands, int threads, boolean flash) {
    this.shape = operands.shape;
    this.dtype = operands.dtype;
    this.flash = flash;
    refuse();
    ggml = open(arena, bytes(operands));
    MemorySegment query = tensor(DType.F32, operands.query);
    MemorySegment mask = shape.causal() ? mask() : MemorySegment.NULL;
    for (int copy = 0; copy < operands.copies(); copy++) {
      MemorySegment key = tensor(dtype, operands.keys.get(copy));
      Tensor values = operands.values.get(copy);
      MemorySegment value = tensor(dtype, flash ? values : values.permute(0, 1, 3, 2));
      MemorySegment result =
          flash ? flash(query, key, value, mask) : products(query, key, value, mask);
      results.add(result);
      graphs.add(ggml.graph(result, threads));
    }
  }

  /** Products with a softmax between them. */
  static Contender products(Arena arena, Operands operands, int threads) {
    return new GgmlAttention(arena, operands, threads, false);
  }

  /** One operation. */
  static Contender flash(Arena arena, Operands operands, int threads) {
    return new GgmlAttention(arena, operands, threads, true);
  }

  @Override
  public String detail() {
    return flash ? "ggml_flash_attn_ext" : "ggml_mul_mat, ggml_soft_max_ext, ggml_mul_mat";
  }

  @Override
  public void run(int copy) {
    ggml.compute(graphs.get(copy));
    last = copy;
  }

  @Override
  public Tensor output() {
    long[] sizes = shape.queryShape();
    long bytes = elements(sizes) * Float.BYTES;
    MemorySegment memory = ggml.data(results.get(last), bytes);
    if (flash) {
      Tensor rows = Tensor.of(memory, DType.F32, sizes[0], sizes[2], sizes[1], sizes[3]);
      return rows.permute(0, 2, 1, 3);
    }
    return Tensor.of(memory, DType.F32, sizes);
  }

  @Override
  public void close() {
    ggml.close();
  }

  private static Ggml open(Arena arena, long bytes) {
    try {
      return new Ggml(arena, bytes);
    } catch (LinkageError e) {
      Throwable reason = e.getCause() == null ? e : e.getCause();
      throw new UnsupportedOperationException("ggml cannot be loaded: " + reason.getMessage(), e);
    }
  }

  private void refuse() {
    if (shape.projected()) {
      throw new UnsupportedOperationException("ggml has no layer; a model's graph builds one");
    }
    if (flash && dtype == DType.F32) {
      throw new UnsupportedOperationException("ggml_flash_attn_ext takes no f32 values");
    }
    if (!flash && scoreBytes() > MAX_SCORE_BYTES) {
      throw new UnsupportedOperationException(
          "it keeps all scores, here " + Math.round(scoreBytes() / 0x1p30) + " GiB");
    }
  }

  private double scoreBytes() {
    return 1.0 * shape.batch() * shape.heads() * shape.queryLen() * shape.kvLen() * Float.BYTES;
  }

  /** Room for all tensors of all copies. */
  private long bytes(Operands operands) {
    long rows = elements(shape.queryShape()) * Float.BYTES;
    long mask = shape.causal() ? (long) maskRows() * shape.kvLen() * Float.BYTES : 0;
    // Scores and weights.
    long scores = flash ? 0 : 2 * (long) scoreBytes();
    long keys = 2 * elements(shape.keyShape()) * dtype.bytes();
    return rows + mask + OVERHEAD + operands.copies() * (rows + scores + keys + OVERHEAD);
  }

  private int maskRows() {
    return Math.ceilDiv(shape.queryLen(), MASK_ROWS) * MASK_ROWS;
  }

  private MemorySegment products(
      MemorySegment query, MemorySegment key, MemorySegment value, MemorySegment mask) {
    return ggml.product(value, ggml.softmax(ggml.product(key, query), mask, scale()));
  }

  private MemorySegment flash(
      MemorySegment query, MemorySegment key, MemorySegment value, MemorySegment mask) {
    return ggml.flash(query, key, value, mask, scale());
  }

  private float scale() {
    return (float) (1 / Math.sqrt(shape.headDim()));
  }

  /** A copy as a ggml tensor, whose dimensions are numbered from the innermost. */
  private MemorySegment tensor(DType type, Tensor from) {
    long[] sizes = from.shape();
    MemorySegment tensor = ggml.tensor(type, sizes[3], sizes[2], sizes[1], sizes[0]);
    Tensor to = Tensor.of(ggml.data(tensor, elements(sizes) * type.bytes()), type, sizes);
    to.copyFrom(from);
    return tensor;
  }

  /** 0 where a query attends and -inf elsewhere; the rows behind the last query are not read. */
  private MemorySegment mask() {
    DType type = flash ? DType.F16 : DType.F32;
    int columns = shape.kvLen();
    MemorySegment mask = ggml.tensor(type, columns, maskRows(), 1, 1);
    Tensor rows =
        Tensor.of(
            ggml.data(mask, (long) maskRows() * columns * type.bytes()), type, maskRows(), columns);
    for (int i = 0; i < shape.queryLen(); i++) {
      float[] row = new float[columns];
      long position = i + (long) shape.offset();
      for (int j = 0; j < columns; j++) {
        boolean seen = j <= position && (shape.window() == 0 || j > position - shape.window());
        row[j] = seen ? 0 : Float.NEGATIVE_INFINITY;
      }
      rows.slice(0, i, i + 1).copyFrom(row);
    }
    return mask;
  }

  private static long elements(long[] sizes) {
    long elements = 1;
    for (long size : sizes) {
      elements *= size;
    }
    return elements;
  }
}
