// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import dev.rapt.CpuOptions;
import dev.rapt.Device;
import dev.rapt.models.MiniLmEncoder;
import dev.rapt.models.TokenBatch;
import dev.rapt.models.TokenizedText;
import dev.rapt.peers.contest.Restraint;
import java.util.ArrayList;
import java.util.List;

/** Rapt's encoder in the batches of {@code rapt embed}: similar lengths, by their tokens. */
final class RaptEmbedder implements Embedder {
  private final Device device;
  private final MiniLmEncoder encoder;

  RaptEmbedder(int threads, Restraint restraint) {
    device = Device.cpu(CpuOptions.builder().threads(threads).isa(restraint.tier()).build());
    encoder = MiniLmEncoder.load(device);
  }

  @Override
  public String name() {
    return "Rapt";
  }

  @Override
  public float[][] embed(List<TokenizedText> sentences) {
    float[][] result = new float[sentences.size()][];
    int[] order = Embedder.longestFirst(sentences);
    for (int from = 0; from < order.length; ) {
      List<TokenizedText> batch = new ArrayList<>();
      int tokens = 0;
      int to = from;
      while (to < order.length
          && (to == from || tokens + sentences.get(order[to]).length() <= encoder.batchTokens())) {
        tokens += sentences.get(order[to]).length();
        batch.add(sentences.get(order[to++]));
      }
      float[][] vectors = encoder.embed(TokenBatch.of(batch));
      for (float[] vector : vectors) {
        result[order[from++]] = vector;
      }
    }
    return result;
  }

  @Override
  public void close() {
    encoder.close();
    device.close();
  }
}
