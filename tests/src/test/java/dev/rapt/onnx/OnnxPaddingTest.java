// SPDX-License-Identifier: Apache-2.0
package dev.rapt.onnx;

import ai.onnxruntime.OrtException;
import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Causal;
import dev.rapt.DType;
import dev.rapt.Tensor;
import dev.rapt.check.AttentionProblem;
import dev.rapt.check.AttentionProblem.Operands;
import dev.rapt.check.AttentionProblem.Scores;
import dev.rapt.check.AttentionProblem.Sizes;
import dev.rapt.check.AttentionProblem.Visibility;
import dev.rapt.check.Bounded;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Oracle;
import dev.rapt.check.Tier;
import dev.rapt.check.Values;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * nonpad_kv_seqlen of ai.onnx Attention (opset 24), whose keys and values are a whole cache, by the
 * two ways that the Javadoc of {@link Attention} names: positions where it is causal, else a mask.
 */
class OnnxPaddingTest {
  private static final int OPSET = 24;
  private static final int HEADS = 4;
  private static final int KV_HEADS = 2;
  private static final int CACHE = 21;
  private static final int DIM = 16;
  private static final long[] FILLED = {21, 9, 5};
  private static final int BATCH = FILLED.length;

  @ParameterizedTest
  @CsvSource({"1, true", "5, true", "1, false", "5, false"})
  void onnxRuntimeAgrees(int queryLen, boolean causal) throws OrtException {
    Random random = new Random(queryLen);
    float[] query = Values.normal(random, BATCH * HEADS * queryLen * DIM, 1);
    float[] key = Values.normal(random, BATCH * KV_HEADS * CACHE * DIM, 1);
    float[] value = Values.normal(random, BATCH * KV_HEADS * CACHE * DIM, 1);
    float[] onnx;
    try (OnnxGraph graph = new OnnxGraph(OPSET)) {
      List<String> inputs =
          List.of(
              graph.input("Q", query, BATCH, HEADS, queryLen, DIM),
              graph.input("K", key, BATCH, KV_HEADS, CACHE, DIM),
              graph.input("V", value, BATCH, KV_HEADS, CACHE, DIM),
              "",
              "",
              "",
              graph.longs("nonpad_kv_seqlen", FILLED, BATCH));
      graph.node("", "Attention", inputs, List.of("Y"), Map.of("is_causal", causal ? 1L : 0L));
      onnx = graph.run("Y").get("Y");
    }
    try (Arena arena = Arena.ofShared()) {
      Tensor output = Tensor.allocate(arena, DType.F32, BATCH, HEADS, queryLen, DIM);
      AttentionTensors.Builder tensors =
          AttentionTensors.builder(
              Tensor.copyOf(arena, query, BATCH, HEADS, queryLen, DIM),
              Tensor.copyOf(arena, key, BATCH, KV_HEADS, CACHE, DIM),
              Tensor.copyOf(arena, value, BATCH, KV_HEADS, CACHE, DIM),
              output);
      if (causal) {
        long[] positions = Arrays.stream(FILLED).map(filled -> filled - queryLen).toArray();
        tensors.positions(Tensor.copyOf(arena, positions, BATCH));
      } else {
        tensors.mask(filled(arena));
      }
      Attention attention =
          Attention.builder().causal(causal ? Causal.TOP_LEFT : Causal.NONE).build();
      List<AttentionProblem> samples = samples(query, key, value, queryLen, causal);
      for (Tier tier : Tier.usable()) {
        attention.run(tier.device(), tensors.build());
        float[] actual = output.toFloatArray();
        for (int b = 0; b < BATCH; b++) {
          ErrorBound.checkPeers(
              tier + ", sample " + b,
              Oracle.answer(samples.get(b)).output(),
              part(onnx, b),
              part(actual, b));
        }
      }
    }
  }

  /** (B, 1, 1, Skv), true where a key is none of the padding. */
  private static Tensor filled(Arena arena) {
    Tensor mask = Tensor.allocate(arena, DType.BOOL, BATCH, 1, 1, CACHE);
    for (int b = 0; b < BATCH; b++) {
      mask.slice(0, b, b + 1).slice(3, 0, FILLED[b]).fill(1);
    }
    return mask;
  }

  /** Each sample alone, without its padding. */
  private static List<AttentionProblem> samples(
      float[] query, float[] key, float[] value, int queryLen, boolean causal) {
    List<AttentionProblem> samples = new ArrayList<>();
    for (int b = 0; b < BATCH; b++) {
      int filled = (int) FILLED[b];
      samples.add(
          new AttentionProblem(
              new Sizes(1, HEADS, KV_HEADS, queryLen, filled, DIM, DIM),
              new Operands(
                  Bounded.exact(Values.widen(part(query, b))),
                  Bounded.exact(rows(part(key, b), filled)),
                  Bounded.exact(rows(part(value, b), filled)),
                  null,
                  null),
              new Visibility(causal, filled - queryLen, -1, -1, null, 0, null),
              new Scores(1 / Math.sqrt(DIM), 0, null, null, null),
              null));
    }
    return samples;
  }

  /** What belongs to a sample. */
  private static float[] part(float[] all, int sample) {
    int size = all.length / BATCH;
    return Arrays.copyOfRange(all, sample * size, (sample + 1) * size);
  }

  /** The first rows of each head. */
  private static double[] rows(float[] heads, int count) {
    double[] rows = new double[KV_HEADS * count * DIM];
    for (int h = 0; h < KV_HEADS; h++) {
      for (int i = 0; i < count * DIM; i++) {
        rows[h * count * DIM + i] = heads[h * CACHE * DIM + i];
      }
    }
    return rows;
  }
}
