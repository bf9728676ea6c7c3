// SPDX-License-Identifier: Apache-2.0
package dev.rapt.onnx;

import ai.onnxruntime.OrtException;
import dev.rapt.WeightsStage;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Broadcast;
import dev.rapt.check.Values;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** ai.onnx Attention (opset 23) as ONNX Runtime's CPU provider computes it. */
final class OnnxAttention {
  private static final int OPSET = 23;

  /** What ONNX Runtime answers; weights are null where the problem asks for none. */
  record Answer(float[] output, float[] weights) {}

  private OnnxAttention() {}

  /**
   * Runs a problem that ONNX can express: no window, ALiBi or sinks, and causal only from position
   * kvLen - queryLen (the keys before it travel as the past) or 0.
   */
  static Answer run(AttentionProblem p) throws OrtException {
    Map<String, Object> attributes = new HashMap<>();
    attributes.put("scale", (float) p.scale());
    attributes.put("is_causal", p.causal() ? 1L : 0L);
    attributes.put("softcap", (float) p.softcap());
    if (p.weightsStage() != null) {
      attributes.put("qk_matmul_output_mode", (long) mode(p.weightsStage()));
    }
    try (OnnxGraph graph = new OnnxGraph(OPSET)) {
      int past = (int) p.offset();
      int fresh = p.kvLen() - past;
      List<String> inputs = new ArrayList<>();
      inputs.add(
          graph.input(
              "Q", Values.narrow(p.query()), p.batch(), p.heads(), p.queryLen(), p.headDim()));
      inputs.add(rows(graph, "K", p.key(), p, p.headDim(), past, fresh));
      inputs.add(rows(graph, "V", p.value(), p, p.valueDim(), past, fresh));
      inputs.add(mask(graph, p));
      if (past > 0) {
        inputs.add(rows(graph, "past_key", p.key(), p, p.headDim(), 0, past));
        inputs.add(rows(graph, "past_value", p.value(), p, p.valueDim(), 0, past));
      }
      List<String> outputs = List.of("Y", "present_key", "present_value", "weights");
      if (p.weightsStage() == null) {
        outputs = past > 0 ? outputs.subList(0, 3) : outputs.subList(0, 1);
      }
      graph.node("", "Attention", inputs, outputs, attributes);
      Map<String, float[]> answers =
          p.weightsStage() == null ? graph.run("Y") : graph.run("Y", "weights");
      return new Answer(answers.get("Y"), answers.get("weights"));
    }
  }

  /** qk_matmul_output_mode as onnx 1.22 numbers it. */
  private static int mode(WeightsStage stage) {
    return switch (stage) {
      case RAW -> 0;
      case SOFTCAP -> 1;
      case BIAS -> 2;
      case SOFTMAX -> 3;
    };
  }

  /** The rows [from, from + count) of every head. */
  private static String rows(
      OnnxGraph graph,
      String name,
      double[] data,
      AttentionProblem p,
      int width,
      int from,
      int count)
      throws OrtException {
    int heads = p.batch() * p.kvHeads();
    float[] part = new float[heads * count * width];
    for (int head = 0; head < heads; head++) {
      int start = (head * p.kvLen() + from) * width;
      float[] rows = Values.narrow(Arrays.copyOfRange(data, start, start + count * width));
      System.arraycopy(rows, 0, part, head * count * width, rows.length);
    }
    return graph.input(name, part, p.batch(), p.kvHeads(), count, width);
  }

  private static String mask(OnnxGraph graph, AttentionProblem p) throws OrtException {
    Broadcast operand = p.mask() != null ? p.mask() : p.bias();
    if (operand == null) {
      return "";
    }
    long[] shape = Arrays.stream(operand.shape()).asLongStream().toArray();
    return p.mask() != null
        ? graph.bools("attn_mask", operand.data(), shape)
        : graph.input("attn_mask", operand.data(), shape);
  }
}
