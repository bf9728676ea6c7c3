// SPDX-License-Identifier: Apache-2.0
package dev.rapt.onnx;

import ai.onnxruntime.OrtException;
import dev.rapt.DType;
import dev.rapt.RotaryEmbedding;
import dev.rapt.RotaryEmbedding.Tables;
import dev.rapt.Tensor;
import dev.rapt.check.ErrorBound;
import dev.rapt.check.Judge;
import dev.rapt.check.Values;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * ONNX Runtime's own RotaryEmbedding (opset 23), run live on the same values and on the tables that
 * the library makes: pairing, signs, the part that turns and how positions choose rows.
 */
class OnnxRotaryEmbeddingTest {
  private static final int OPSET = 23;
  private static final int TABLE_LENGTH = 50;

  record Case(
      int batch,
      int heads,
      int length,
      int headDim,
      int rotaryDim,
      boolean interleaved,
      boolean positions) {
    int turning() {
      return rotaryDim == 0 ? headDim : rotaryDim;
    }
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    int[][] dims = {{64, 0}, {128, 0}, {80, 32}, {16, 8}, {64, 64}, {96, 48}};
    for (boolean interleaved : new boolean[] {false, true}) {
      for (boolean positions : new boolean[] {false, true}) {
        for (int[] d : dims) {
          cases.add(new Case(1, 8, 7, d[0], d[1], interleaved, positions));
          cases.add(new Case(3, 2, 5, d[0], d[1], interleaved, positions));
          cases.add(new Case(2, 4, 1, d[0], d[1], interleaved, positions));
        }
      }
    }
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void onnxRuntimeAgrees(Case c) throws OrtException {
    Random random = new Random(c.toString().hashCode());
    float[] x = Values.normal(random, c.batch * c.heads * c.length * c.headDim, 1);
    long[] positions = random.longs((long) c.batch * c.length, 0, TABLE_LENGTH).toArray();
    try (Arena arena = Arena.ofShared()) {
      RotaryEmbedding.Tables tables = RotaryEmbedding.tables(arena, TABLE_LENGTH, c.turning());
      Tensor cosine = c.positions ? tables.cosine() : chosen(arena, tables.cosine(), positions, c);
      Tensor sine = c.positions ? tables.sine() : chosen(arena, tables.sine(), positions, c);
      float[] onnx = onnx(c, x, cosine, sine, positions);
      RotaryEmbedding embedding =
          RotaryEmbedding.builder().interleaved(c.interleaved).rotaryDim(c.rotaryDim).build();
      Tensor input = Tensor.copyOf(arena, x, c.batch, c.heads, c.length, c.headDim);
      Tensor rows = c.positions ? Tensor.copyOf(arena, positions, c.batch, c.length) : null;
      Judge.everyTier(
          tier -> {
            Tensor output = Tensor.allocate(arena, DType.F32, input.shape());
            embedding.run(tier.device(), input, new Tables(cosine, sine), rows, output);
            ErrorBound.checkReordered(c + " on " + tier, onnx, output.toFloatArray());
          });
    }
  }

  /** (B, S, R / 2): the rows that the positions name. */
  private static Tensor chosen(Arena arena, Tensor table, long[] positions, Case c) {
    long pairs = table.size(1);
    Tensor rows = Tensor.allocate(arena, DType.F32, positions.length, pairs);
    for (int token = 0; token < positions.length; token++) {
      rows.slice(0, token, token + 1)
          .copyFrom(table.slice(0, positions[token], positions[token] + 1).toFloatArray());
    }
    return rows.reshape(c.batch, c.length, pairs);
  }

  private static float[] onnx(Case c, float[] x, Tensor cosine, Tensor sine, long[] positions)
      throws OrtException {
    try (OnnxGraph graph = new OnnxGraph(OPSET)) {
      List<String> inputs = new ArrayList<>();
      inputs.add(graph.input("X", x, c.batch, c.heads, c.length, c.headDim));
      inputs.add(graph.input("cos_cache", cosine.toFloatArray(), cosine.shape()));
      inputs.add(graph.input("sin_cache", sine.toFloatArray(), sine.shape()));
      if (c.positions) {
        inputs.add(graph.longs("position_ids", positions, c.batch, c.length));
      }
      graph.node(
          "",
          "RotaryEmbedding",
          inputs,
          List.of("Y"),
          Map.of(
              "interleaved", c.interleaved ? 1L : 0L, "rotary_embedding_dim", (long) c.rotaryDim));
      return graph.run("Y").get("Y");
    }
  }
}
