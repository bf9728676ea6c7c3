// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import ai.onnxruntime.OrtException;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/** A layer with its projections in ONNX Runtime, in the two ways its model exporters write it. */
final class OnnxLayer {
  private static final String CONTRIB = "com.microsoft";

  private OnnxLayer() {}

  /** com.microsoft Attention, which projects by itself, then MatMul and Add. */
  static Contender fused(Arena arena, Operands operands, int threads) throws OrtException {
    OnnxGraph graph =
        begin(arena, operands)
            .node(
                CONTRIB,
                "Attention",
                List.of("input", "in_weight", "in_bias"),
                List.of("attended"),
                Map.of("num_heads", operands.shape.heads()));
    return end("com.microsoft Attention, MatMul, Add", graph, arena, operands, threads);
  }

  /** MatMul, Add, Split, com.microsoft MultiHeadAttention, MatMul, Add. */
  static Contender split(Arena arena, Operands operands, int threads) throws OrtException {
    OnnxGraph graph =
        begin(arena, operands)
            .node("", "MatMul", List.of("input", "in_weight"), List.of("product"), Map.of())
            .node("", "Add", List.of("product", "in_bias"), List.of("projected"), Map.of())
            .node(
                "",
                "Split",
                List.of("projected"),
                List.of("query", "key", "value"),
                Map.of("axis", 2, "num_outputs", 3))
            .node(
                CONTRIB,
                "MultiHeadAttention",
                List.of("query", "key", "value"),
                List.of("attended"),
                Map.of("num_heads", operands.shape.heads()));
    return end("MatMul, Add, MultiHeadAttention, MatMul, Add", graph, arena, operands, threads);
  }

  private static OnnxGraph begin(Arena arena, Operands operands) {
    return new OnnxGraph(operands.dtype)
        .input("input", operands.query.shape())
        .output("output", operands.query.shape())
        .constant("in_weight", transposed(arena, operands.inWeight))
        .constant("in_bias", operands.inBias)
        .constant("out_weight", transposed(arena, operands.outWeight))
        .constant("out_bias", operands.outBias);
  }

  private static Contender end(
      String detail, OnnxGraph graph, Arena arena, Operands operands, int threads)
      throws OrtException {
    graph
        .node("", "MatMul", List.of("attended", "out_weight"), List.of("mixed"), Map.of())
        .node("", "Add", List.of("mixed", "out_bias"), List.of("output"), Map.of());
    Tensor output = Tensor.allocate(arena, operands.dtype, operands.query.shape());
    return new OnnxContender(detail, graph, output, threads)
        .copy()
        .in("input", operands.query, operands.query.shape())
        .out("output", output, output.shape());
  }

  /** ONNX multiplies by (in, out). */
  private static Tensor transposed(Arena arena, Tensor weight) {
    long rows = weight.size(0);
    long columns = weight.size(1);
    long element = weight.dtype().bytes();
    Tensor result = Tensor.allocate(arena, weight.dtype(), columns, rows);
    for (long row = 0; row < rows; row++) {
      for (long column = 0; column < columns; column++) {
        MemorySegment.copy(
            weight.segment(),
            (row * columns + column) * element,
            result.segment(),
            (column * rows + row) * element,
            element);
      }
    }
    return result;
  }
}
