// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import dev.rapt.models.TokenizedText;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Somebody who embeds a list of tokenized sentences. */
interface Embedder extends AutoCloseable {
  /** As results show it: who, and how it batches. */
  String name();

  /** A vector of Euclidean length 1 for each sentence, in their order. */
  float[][] embed(List<TokenizedText> sentences);

  @Override
  void close();

  /** The indices of sentences, longest first. */
  static int[] longestFirst(List<TokenizedText> sentences) {
    return IntStream.range(0, sentences.size())
        .boxed()
        .sorted(Comparator.comparingInt((Integer i) -> sentences.get(i).length()).reversed())
        .mapToInt(Integer::intValue)
        .toArray();
  }
}
