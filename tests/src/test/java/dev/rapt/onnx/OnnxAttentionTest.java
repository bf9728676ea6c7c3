// SPDX-License-Identifier: Apache-2.0
package dev.rapt.onnx;

import ai.onnxruntime.OrtException;
import dev.rapt.WeightsStage;
import dev.rapt.check.AttentionCall;
import dev.rapt.check.AttentionCall.Actual;
import dev.rapt.check.AttentionCase;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Oracle;
import dev.rapt.check.Oracle.Answer;
import dev.rapt.check.Tier;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The second oracle: ONNX Runtime's own Attention operator, run live on the same values. It judges
 * our oracle and every tier, so a misreading of the definition cannot hide in both.
 *
 * <p>ONNX Runtime 1.29 numbers qk_matmul_output_mode as onnx 1.22 does (1 = after softcap, 2 =
 * after bias; onnx 1.19 to 1.21 had them swapped) and adds masks after softcap, so nothing needs to
 * be corrected but one thing: in mode 2 it writes a very negative number where a score is masked,
 * and not -inf. Its masks have rank 2 to 4 and are never broadcast over queries or keys.
 */
class OnnxAttentionTest {
  /** What ONNX Runtime writes for a masked score lies below this. */
  private static final float MASKED = -1e30f;

  private static final String[] SHAPES = {
    "b2 h4 q17 k17 d16",
    "b2 h4/2 q37 k70 d24/20",
    "b1 h8/1 q1 k300 d64",
    "b1 h12 q128 k128 d64",
    "b3 h6/3 q5 k129 d59/111"
  };
  private static final String[] OPTIONS = {
    "",
    "causal(top)",
    "scale(0.3)",
    "softcap(2)",
    "mask(q,k)",
    "mask(h,q,k)",
    "mask(1,1,q,k)",
    "mask(b,1,q,k)",
    "mask(b,h,q,k) density(0.05)",
    "bias(q,k)",
    "bias(1,q,k)",
    "bias(b,h,q,k)",
    "bias(b,1,q,k) softcap(3)",
    "mask(q,k) causal(top) softcap(30) scale(1)"
  };

  static Stream<AttentionCase> cases() {
    List<String> names = new ArrayList<>();
    for (String shape : SHAPES) {
      for (String options : OPTIONS) {
        names.add((shape + " " + options).strip());
      }
      for (String stage : new String[] {"raw", "softcap", "bias", "softmax"}) {
        names.add(shape + " weights(" + stage + ")");
        names.add(shape + " weights(" + stage + ") softcap(2) bias(q,k)");
        names.add(shape + " weights(" + stage + ") mask(b,1,q,k) causal(top)");
      }
    }
    // Keys before the queries' own travel as ONNX's past.
    names.add("b2 h4/2 q17 k70 d24/20 causal(bottom)");
    names.add("b2 h4/2 q1 k70 d24/20 causal(bottom) mask(q,k)");
    names.add("b1 h4 q9 k200 d64 causal(bottom) bias(h,q,k) softcap(4)");
    return names.stream().map(AttentionCase::parse);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void onnxRuntimeAgrees(AttentionCase c) throws OrtException {
    AttentionProblem problem = c.problem();
    OnnxAttention.Answer onnx = OnnxAttention.run(problem);
    if (problem.weightsStage() == WeightsStage.BIAS) {
      markMasked(onnx.weights());
    }
    Answer expected = Oracle.answer(problem);
    ErrorBound.check("ONNX Runtime", expected.output(), onnx.output());
    if (onnx.weights() != null) {
      ErrorBound.check("ONNX Runtime", expected.weights(), onnx.weights());
    }
    try (AttentionCall call = new AttentionCall(c, problem)) {
      for (Tier tier : Tier.usable()) {
        Actual actual = call.run(tier.device());
        ErrorBound.checkPeers(tier + " output", expected.output(), onnx.output(), actual.output());
        if (onnx.weights() != null) {
          ErrorBound.checkPeers(
              tier + " weights", expected.weights(), onnx.weights(), actual.weights());
        }
      }
    }
  }

  private static void markMasked(float[] scores) {
    for (int i = 0; i < scores.length; i++) {
      if (scores[i] < MASKED) {
        scores[i] = Float.NEGATIVE_INFINITY;
      }
    }
  }
}
