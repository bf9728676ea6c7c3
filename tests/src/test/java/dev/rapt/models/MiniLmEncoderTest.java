// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtException;
import dev.rapt.Capabilities;
import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.Isa;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The whole encoder on the CPU's kernels against ONNX Runtime running the same model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MiniLmEncoderTest {
  private static final double MIN_COSINE = 0.99999;

  /** Per weight: two float implementations of six layers, each with its own order of summation. */
  private static final double MAX_WEIGHT_DIFFERENCE = 1e-5;

  private Device device;
  private MiniLmEncoder encoder;
  private MiniLmTokenizer tokenizer;
  private OnnxOracle oracle;
  private List<TokenizedText> texts;

  /** What ONNX Runtime makes of each text. */
  private final List<double[]> embeddings = new ArrayList<>();

  @BeforeAll
  void load() throws Exception {
    device = Device.cpu();
    encoder = MiniLmEncoder.load(device);
    tokenizer = MiniLmEncoder.loadTokenizer();
    oracle = new OnnxOracle();
    texts = Sentences.varied().stream().map(tokenizer::tokenize).toList();
    for (TokenizedText text : texts) {
      embeddings.add(oracle.embed(text.ids()));
    }
  }

  @AfterAll
  void close() throws Exception {
    oracle.close();
    tokenizer.close();
    encoder.close();
    device.close();
  }

  @Test
  void theModelIsWhatItsNameSays() {
    assertEquals(new MiniLmConfig(6, 12, 384, 1536, 30522, 512, 1e-12), encoder.config());
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void onEveryTierTheEmbeddingsAgree(Isa isa) {
    Capabilities.Tier tier =
        Capabilities.probe().cpu().tiers().stream()
            .filter(t -> t.isa() == isa)
            .findFirst()
            .orElseThrow();
    Assumptions.assumeTrue(tier.usable(), tier.reason());
    assertTrue(texts.size() >= 50, "too few texts: " + texts.size());
    try (Device tierDevice = Device.cpu(CpuOptions.builder().isa(isa).build());
        MiniLmEncoder tierEncoder = MiniLmEncoder.load(tierDevice)) {
      for (int i = 0; i < texts.size(); i++) {
        check(i, tierEncoder.embed(TokenBatch.of(List.of(texts.get(i))))[0]);
      }
    }
  }

  @Test
  void inMixedBatchesTheEmbeddingsAgree() {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      order.add(i);
    }
    Collections.shuffle(order, new Random(7));
    int from = 0;
    for (int size = 1; from < order.size(); size++) {
      List<Integer> batch = order.subList(from, Math.min(order.size(), from + size));
      float[][] actual = encoder.embed(TokenBatch.of(batch.stream().map(texts::get).toList()));
      for (int i = 0; i < batch.size(); i++) {
        check(batch.get(i), actual[i]);
      }
      from += batch.size();
    }
  }

  @Test
  void theAttentionWeightsAgree() throws OrtException {
    for (int i = 0; i < texts.size(); i += 9) {
      Trace trace = encoder.trace(texts.get(i));
      float[][][][] expected = oracle.weights(texts.get(i).ids());
      assertEquals(expected.length, trace.layers());
      assertEquals(expected[0].length, trace.heads());
      double worst = 0;
      for (int layer = 0; layer < expected.length; layer++) {
        for (int head = 0; head < expected[layer].length; head++) {
          worst = Math.max(worst, difference(expected[layer][head], trace.weights()[layer][head]));
        }
      }
      assertTrue(worst <= MAX_WEIGHT_DIFFERENCE, describe(i) + ": weights differ by " + worst);
    }
  }

  private static double difference(float[][] expected, float[][] actual) {
    double worst = 0;
    for (int query = 0; query < expected.length; query++) {
      for (int key = 0; key < expected[query].length; key++) {
        double difference = Math.abs(expected[query][key] - actual[query][key]);
        // Not Math.max: a NaN must fail.
        if (!(difference <= worst)) {
          worst = difference;
        }
      }
    }
    return worst;
  }

  private void check(int index, float[] actual) {
    double[] expected = embeddings.get(index);
    double dot = 0;
    double square = 0;
    for (int i = 0; i < expected.length; i++) {
      dot += actual[i] * expected[i];
      square += (double) actual[i] * actual[i];
    }
    assertEquals(1.0, square, 1e-5, describe(index) + ": not of length 1");
    double cosine = dot / Math.sqrt(square);
    assertTrue(cosine >= MIN_COSINE, describe(index) + ": cosine " + cosine);
  }

  private String describe(int index) {
    return "text " + index + " of " + texts.get(index).length() + " tokens";
  }
}
