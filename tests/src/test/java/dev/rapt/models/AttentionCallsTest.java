// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.rapt.Attention;
import dev.rapt.AttentionTensors;
import dev.rapt.Device;
import dev.rapt.Tensor;
import dev.rapt.check.Tier;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One ragged call, a call for each length, and one for each text have the same bits. */
class AttentionCallsTest {
  private static final int HEADS = 3;
  private static final int WIDTH = HEADS * 32;
  private static final MiniLmConfig CONFIG =
      new MiniLmConfig(1, HEADS, WIDTH, WIDTH, 10, 512, 1e-12);
  private static final Attention ATTENTION = Attention.builder().build();

  static Stream<Tier> tiers() {
    return Tier.usable().stream();
  }

  private static TokenizedText text(int tokens) {
    List<String> words = Collections.nCopies(tokens, "x");
    return new TokenizedText(new int[tokens], words, words, new int[tokens], false);
  }

  /** What a batch's attention leaves, by text. */
  private static float[][] attended(
      Device device, TokenBatch batch, EncoderBuffers.Views views, List<AttentionTensors> calls) {
    views.attended().fill(Float.NaN);
    calls.forEach(call -> ATTENTION.run(device, call));
    float[][] texts = new float[batch.size()][];
    for (int i = 0; i < texts.length; i++) {
      long first = batch.firstRow(i);
      texts[i] = views.attended().slice(0, first, first + batch.length(i)).toFloatArray();
    }
    return texts;
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void raggedIsOneByOne(Tier tier) {
    Device device = tier.device(Tier.SEVERAL_THREADS);
    TokenBatch batch =
        TokenBatch.of(
            Stream.of(7, 1, 64, 3, 7, 130, 16, 17, 2, 7, 33)
                .map(AttentionCallsTest::text)
                .toList());
    Random random = new Random(1);
    try (EncoderBuffers buffers = new EncoderBuffers(CONFIG);
        DeviceBuffers own = new DeviceBuffers(device)) {
      EncoderBuffers.Views views = buffers.prepare(batch);
      Tensor projections = views.projections();
      float[] drawn = new float[(int) projections.elements()];
      for (int i = 0; i < drawn.length; i++) {
        drawn[i] = random.nextFloat(-3, 3);
      }
      projections.copyFrom(drawn);
      List<AttentionTensors> ragged = AttentionCalls.of(batch, HEADS, views, own, null);
      assertEquals(1, ragged.size());
      float[][] together = attended(device, batch, views, ragged);
      List<AttentionTensors> grouped =
          AttentionCalls.grouped(batch, HEADS, projections, views.attended(), null);
      assertEquals(9, grouped.size());
      float[][] byLength = attended(device, batch, views, grouped);
      for (int i = 0; i < batch.size(); i++) {
        assertArrayEquals(alone(device, batch, i, drawn), together[i], "ragged, text " + i);
        assertArrayEquals(together[i], byLength[i], "by length, text " + i);
      }
    }
  }

  private static float[] alone(Device device, TokenBatch batch, int text, float[] drawn) {
    TokenBatch one = TokenBatch.of(List.of(text(batch.length(text))));
    try (EncoderBuffers buffers = new EncoderBuffers(CONFIG);
        DeviceBuffers own = new DeviceBuffers(device)) {
      EncoderBuffers.Views views = buffers.prepare(one);
      int from = batch.firstRow(text) * 3 * WIDTH;
      float[] rows = Arrays.copyOfRange(drawn, from, from + one.tokens() * 3 * WIDTH);
      views.projections().copyFrom(rows);
      return attended(device, one, views, AttentionCalls.of(one, HEADS, views, own, null))[0];
    }
  }
}
