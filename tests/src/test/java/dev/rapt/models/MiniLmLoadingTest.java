// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.rapt.Device;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The model read beside other work is the model. */
class MiniLmLoadingTest {
  @Test
  void givesTheSameEncoderOnce() {
    MiniLmLoading loading = MiniLmLoading.start();
    try (Device device = Device.best();
        MiniLmTokenizer tokenizer = MiniLmEncoder.loadTokenizer();
        MiniLmEncoder encoder = loading.finish(device);
        MiniLmEncoder plain = MiniLmEncoder.load(device)) {
      TokenBatch batch = TokenBatch.of(List.of(tokenizer.tokenize("Attention is all you need.")));
      assertArrayEquals(plain.embed(batch)[0], encoder.embed(batch)[0]);
      assertThrows(IllegalStateException.class, () -> loading.finish(device));
    }
  }
}
