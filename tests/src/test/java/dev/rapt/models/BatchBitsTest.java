// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.rapt.Device;
import dev.rapt.check.Tier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A text's embedding has the same bits alone and beside any others, whatever the threads. */
class BatchBitsTest {
  /** Tokens, around the kernels' tiles. */
  private static final int[] LENGTHS = {2, 3, 8, 16, 17, 33, 64, 65, 100, 130};

  static Stream<Tier> tiers() {
    return Tier.usableNative().stream();
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void aTextHasTheSameBitsInAnyCompany(Tier tier) {
    try (MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer();
        Device one = tier.open(1);
        Device several = tier.open(Tier.SEVERAL_THREADS);
        MiniLmEncoder onOne = MiniLmEncoder.load(one);
        MiniLmEncoder onSeveral = MiniLmEncoder.load(several)) {
      List<TokenizedText> texts =
          IntStream.of(LENGTHS).mapToObj(n -> tokenizer.tokenize("word ".repeat(n - 2))).toList();
      List<float[]> alone =
          texts.stream().map(text -> onOne.embed(TokenBatch.of(List.of(text)))[0]).toList();

      List<Integer> all = IntStream.range(0, texts.size()).boxed().toList();
      List<Integer> repeated = new ArrayList<>(Collections.nCopies(5, 3));
      repeated.addAll(all);
      repeated.addAll(all);
      Collections.shuffle(repeated, new Random(5));
      List<List<Integer>> batches =
          List.of(all, all.reversed(), repeated, List.of(5, 0), List.of(0, 0, 0, 9));
      for (MiniLmEncoder encoder : List.of(onOne, onSeveral)) {
        for (List<Integer> batch : batches) {
          float[][] together =
              encoder.embed(TokenBatch.of(batch.stream().map(texts::get).toList()));
          for (int i = 0; i < together.length; i++) {
            assertArrayEquals(
                alone.get(batch.get(i)),
                together[i],
                0f,
                LENGTHS[batch.get(i)] + " tokens at place " + i + " of " + batch);
          }
        }
      }
    }
  }
}
