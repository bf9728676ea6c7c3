// SPDX-License-Identifier: Apache-2.0
package dev.rapt.onnx;

import ai.onnxruntime.OrtException;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.Broadcast;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Oracle.Answer;
import dev.rapt.check.Tier;
import dev.rapt.mha.MhaCall;
import dev.rapt.mha.MhaCase;
import dev.rapt.mha.MhaData;
import dev.rapt.mha.MhaData.Projection;
import dev.rapt.mha.MhaOracle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The second oracle for multi-head attention: ONNX Runtime's com.microsoft MultiHeadAttention
 * between MatMul and Add nodes, the way exported encoders are built.
 *
 * <p>Its key padding mask is 1 where a key is real, ours is true where it is padding. It hides
 * padding by adding a very negative number, so every row here keeps a visible key.
 */
class OnnxMultiHeadAttentionTest {
  private static final int OPSET = 17;

  static Stream<MhaCase> cases() {
    String[] shapes = {
      "b2 h4 q17 k17 d16", "b1 h12 q60 k60 d32", "b3 h3 q5 k70 d8/12", "b2 h6 q1 k33 d64"
    };
    String[] options = {"", "scale(0.2)", "bias(b,h,q,k)", "bias(1,1,q,k)"};
    String[] projections = {
      "", "nobias", "padding", "embed(40) kdim(24) vdim(56) out(20)", "noout"
    };
    List<String> names = new ArrayList<>();
    for (String shape : shapes) {
      for (String option : options) {
        for (String projection : projections) {
          names.add(shape + " " + option + " | " + projection);
        }
      }
    }
    names.add("b2 h4 q40 k40 d16 causal(top) |");
    names.add("b2 h4 q40 k40 d16 causal(top) | nobias packed");
    return names.stream().map(MhaCase::parse);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void onnxRuntimeAgrees(MhaCase c) throws OrtException {
    MhaData data = MhaData.of(c);
    float[] onnx = run(c, data);
    Answer expected = MhaOracle.answer(c, data);
    ErrorBound.check("ONNX Runtime", expected.output(), onnx);
    try (MhaCall call = new MhaCall(c, data)) {
      for (Tier tier : Tier.usable()) {
        float[] actual = call.run(tier.device()).output();
        ErrorBound.checkPeers(tier.toString(), expected.output(), onnx, actual);
      }
    }
  }

  private static float[] run(MhaCase c, MhaData data) throws OrtException {
    AttentionCase core = c.core();
    AttentionProblem problem = core.problem();
    Map<String, Object> attributes = new HashMap<>();
    attributes.put("num_heads", (long) core.heads());
    attributes.put("scale", (float) problem.scale());
    attributes.put("unidirectional", problem.causal() ? 1L : 0L);
    try (OnnxGraph graph = new OnnxGraph(OPSET)) {
      int batch = core.batch();
      graph.input("query", data.query(), batch, core.queryLen(), c.embed());
      graph.input("key", data.key(), batch, core.kvLen(), c.keyWidth());
      graph.input("value", data.value(), batch, core.kvLen(), c.valueWidth());
      String q = linear(graph, "query", data.projections().query());
      String k = linear(graph, "key", data.projections().key());
      String v = linear(graph, "value", data.projections().value());
      String padding = padding(graph, core, data.padding());
      String bias = "";
      if (problem.bias() != null) {
        Broadcast b = problem.bias();
        int[] shape = b.shape();
        bias = graph.input("bias", b.data(), shape[0], shape[1], shape[2], shape[3]);
      }
      graph.node(
          "com.microsoft",
          "MultiHeadAttention",
          List.of(q, k, v, "", padding, bias),
          List.of("heads"),
          attributes);
      String output =
          data.projections().output() == null
              ? "heads"
              : linear(graph, "heads", data.projections().output());
      return graph.run(output).get(output);
    }
  }

  /** MatMul by the transposed weight and Add; returns the name of the result. */
  private static String linear(OnnxGraph graph, String input, Projection p) throws OrtException {
    float[] transposed = new float[p.weight().length];
    for (int o = 0; o < p.out(); o++) {
      for (int i = 0; i < p.in(); i++) {
        transposed[i * p.out() + o] = p.weight()[o * p.in() + i];
      }
    }
    String weight = graph.input(input + "_weight", transposed, p.in(), p.out());
    String product = input + "_product";
    graph.node("", "MatMul", List.of(input, weight), List.of(product), Map.of());
    if (p.bias() == null) {
      return product;
    }
    String bias = graph.input(input + "_bias", p.bias(), p.out());
    graph.node("", "Add", List.of(product, bias), List.of(input + "_projected"), Map.of());
    return input + "_projected";
  }

  private static String padding(OnnxGraph graph, AttentionCase core, boolean[] padding)
      throws OrtException {
    if (padding == null) {
      return "";
    }
    int[] real = new int[padding.length];
    for (int i = 0; i < real.length; i++) {
      real[i] = padding[i] ? 0 : 1;
    }
    return graph.ints("padding", real, core.batch(), core.kvLen());
  }
}
