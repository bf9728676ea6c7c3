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

/** Rapt's encoder in the batches of {@code rapt embed}: so many tokens, in the file's order. */
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
    List<float[]> result = new ArrayList<>();
    for (int from = 0; from < sentences.size(); ) {
      int to = from + 1;
      int tokens = sentences.get(from).length();
      while (to < sentences.size()
          && tokens + sentences.get(to).length() <= encoder.batchTokens()) {
        tokens += sentences.get(to++).length();
      }
      result.addAll(List.of(encoder.embed(TokenBatch.of(sentences.subList(from, to)))));
      from = to;
    }
    return result.toArray(float[][]::new);
  }

  @Override
  public void close() {
    encoder.close();
    device.close();
  }
}
