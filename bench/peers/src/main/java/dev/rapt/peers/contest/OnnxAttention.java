// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.contest;

import ai.onnxruntime.OrtException;
import dev.rapt.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** ONNX Runtime's three attention operators, each with what it can do. */
final class OnnxAttention {
  private static final String CONTRIB = "com.microsoft";

  /** The scores of all heads at once, where an operator keeps them: more is not asked of it. */
  private static final double MAX_SCORE_BYTES = 0x1p31;

  private OnnxAttention() {}

  /** ai.onnx Attention of opset 23, (B, H, S, D). */
  static Contender standard(Arena arena, Operands operands, int threads) throws OrtException {
    Shape shape = operands.shape;
    refuseWindow(shape, "Attention");
    refuseScores(operands);
    Tensor output = Tensor.allocate(arena, operands.dtype, shape.queryShape());
    OnnxGraph graph =
        new OnnxGraph(operands.dtype)
            .input("query", shape.queryShape())
            .input("key", shape.keyShape())
            .input("value", shape.keyShape())
            .output("output", shape.queryShape())
            .node(
                "",
                "Attention",
                List.of("query", "key", "value"),
                List.of("output"),
                Map.of("is_causal", shape.causal() ? 1 : 0));
    OnnxContender contender = new OnnxContender("ai.onnx Attention", graph, output, threads);
    for (int copy = 0; copy < operands.copies(); copy++) {
      contender
          .copy()
          .in("query", operands.query, shape.queryShape())
          .in("key", operands.keys.get(copy), shape.keyShape())
          .in("value", operands.values.get(copy), shape.keyShape())
          .out("output", output, shape.queryShape());
    }
    return contender;
  }

  /** com.microsoft MultiHeadAttention: (B, S, H * D), as many key heads as query heads. */
  static Contender multiHead(Arena arena, Operands operands, int threads) throws OrtException {
    Shape shape = operands.shape;
    refuseWindow(shape, "MultiHeadAttention");
    if (shape.heads() != shape.kvHeads()) {
      throw new UnsupportedOperationException("MultiHeadAttention has no grouped heads");
    }
    if (shape.causal()) {
      refuseScores(operands);
    }
    long[] queries = {shape.batch(), shape.queryLen(), shape.width()};
    long[] keys = {shape.batch(), shape.kvLen(), shape.width()};
    Tensor output = sequenceMajorOutput(arena, operands);
    OnnxGraph graph =
        new OnnxGraph(operands.dtype)
            .input("query", queries)
            .input("key", keys)
            .input("value", keys)
            .output("output", queries)
            .node(
                CONTRIB,
                "MultiHeadAttention",
                List.of("query", "key", "value"),
                List.of("output"),
                Map.of("num_heads", shape.heads(), "unidirectional", shape.causal() ? 1 : 0));
    OnnxContender contender =
        new OnnxContender("com.microsoft MultiHeadAttention", graph, headMajor(output), threads);
    Tensor query = Operands.sequenceMajor(arena, operands.query);
    for (int copy = 0; copy < operands.copies(); copy++) {
      contender
          .copy()
          .in("query", query, queries)
          .in("key", Operands.sequenceMajor(arena, operands.keys.get(copy)), keys)
          .in("value", Operands.sequenceMajor(arena, operands.values.get(copy)), keys)
          .out("output", output, queries);
    }
    return contender;
  }

  /**
   * com.microsoft GroupQueryAttention: causal only, (B, S, H * D). A prompt comes without a cache;
   * the one query of decoding appends its key and value to a cache that is shared with the output,
   * so that nothing is copied.
   */
  static Contender groupQuery(Arena arena, Operands operands, int threads) throws OrtException {
    Shape shape = operands.shape;
    boolean decodes = shape.queryLen() == 1 && shape.kvLen() > 1;
    if (!decodes && !shape.causal()) {
      throw new UnsupportedOperationException("GroupQueryAttention is always causal");
    }
    long batch = shape.batch();
    long[] queries = {batch, shape.queryLen(), shape.width()};
    long[] fresh = {batch, shape.queryLen(), (long) shape.kvHeads() * shape.headDim()};
    Tensor output = sequenceMajorOutput(arena, operands);
    OnnxGraph graph =
        new OnnxGraph(operands.dtype)
            .input("query", queries)
            .input("key", fresh)
            .input("value", fresh)
            .integers("seqlens_k", batch)
            .integers("total_sequence_length", 1)
            .output("output", queries)
            .output("present_key", shape.keyShape())
            .output("present_value", shape.keyShape());
    if (decodes) {
      graph.input("past_key", shape.keyShape()).input("past_value", shape.keyShape());
    }
    Map<String, Integer> attributes = new HashMap<>();
    attributes.put("num_heads", shape.heads());
    attributes.put("kv_num_heads", shape.kvHeads());
    if (shape.window() > 0) {
      attributes.put("local_window_size", shape.window());
    }
    graph.node(
        CONTRIB,
        "GroupQueryAttention",
        List.of(
            "query",
            "key",
            "value",
            decodes ? "past_key" : "",
            decodes ? "past_value" : "",
            "seqlens_k",
            "total_sequence_length"),
        List.of("output", "present_key", "present_value"),
        attributes);
    String detail =
        "com.microsoft GroupQueryAttention, "
            + (decodes ? "appending to a shared cache" : "no cache yet");
    OnnxContender contender = new OnnxContender(detail, graph, headMajor(output), threads);
    Tensor query = Operands.sequenceMajor(arena, operands.query);
    int[] lengths = new int[shape.batch()];
    Arrays.fill(lengths, shape.kvLen() - 1);
    for (int copy = 0; copy < operands.copies(); copy++) {
      Tensor key = operands.keys.get(copy);
      Tensor value = operands.values.get(copy);
      contender
          .copy()
          .in("query", query, queries)
          .in("key", newest(arena, key, shape.queryLen()), fresh)
          .in("value", newest(arena, value, shape.queryLen()), fresh)
          .in("seqlens_k", lengths)
          .in("total_sequence_length", new int[] {shape.kvLen()})
          .out("output", output, queries);
      if (decodes) {
        // The same rows are written into the cache that are there already.
        contender
            .in("past_key", key, shape.keyShape())
            .in("past_value", value, shape.keyShape())
            .out("present_key", key, shape.keyShape())
            .out("present_value", value, shape.keyShape());
      } else {
        contender
            .out("present_key", cache(arena, operands), shape.keyShape())
            .out("present_value", cache(arena, operands), shape.keyShape());
      }
    }
    return contender;
  }

  /** The last {@code count} rows of a key or value tensor, as (B, S, H, D). */
  private static Tensor newest(Arena arena, Tensor tensor, int count) {
    long[] sizes = tensor.shape();
    Tensor rows = Tensor.allocate(arena, tensor.dtype(), sizes[0], sizes[1], count, sizes[3]);
    rows.copyFrom(tensor.slice(2, sizes[2] - count, sizes[2]).toFloatArray());
    return Operands.sequenceMajor(arena, rows);
  }

  private static Tensor cache(Arena arena, Operands operands) {
    return Tensor.allocate(arena, operands.dtype, operands.shape.keyShape());
  }

  private static Tensor sequenceMajorOutput(Arena arena, Operands operands) {
    Shape shape = operands.shape;
    return Tensor.allocate(
        arena, operands.dtype, shape.batch(), shape.queryLen(), shape.heads(), shape.headDim());
  }

  private static Tensor headMajor(Tensor sequenceMajor) {
    return sequenceMajor.permute(0, 2, 1, 3);
  }

  private static void refuseWindow(Shape shape, String operator) {
    if (shape.window() > 0) {
      throw new UnsupportedOperationException(
          operator + " has no window, and with a mask it would keep all scores");
    }
  }

  private static void refuseScores(Operands operands) {
    Shape shape = operands.shape;
    double bytes =
        (double) shape.batch()
            * shape.heads()
            * shape.queryLen()
            * shape.kvLen()
            * operands.dtype.bytes();
    if (bytes > MAX_SCORE_BYTES) {
      throw new UnsupportedOperationException(
          "it keeps all scores, here " + Math.round(bytes / 0x1p30) + " GiB");
    }
  }
}
