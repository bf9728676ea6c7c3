// SPDX-License-Identifier: Apache-2.0
package dev.rapt.jmh;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The problems of rapt-bench's presets, by the same names, and the smallest one there is to call.
 */
enum Shape {
  /** BERT-base, one sequence of 512. */
  BERT_BASE("bert-base", 1, 12, 12, 512, 512, 64, false),
  /** all-MiniLM-L6-v2, one sentence of 32 tokens. */
  MINILM("minilm", 1, 12, 12, 32, 32, 32, false),
  /** Llama-3-8B, prompt of 1024. */
  LLAMA_PREFILL("llama-3-8b-prefill", 1, 32, 8, 1024, 1024, 128, true),
  /** Llama-3-8B, one token after 4095. */
  LLAMA_DECODE("llama-3-8b-decode", 1, 32, 8, 1, 4096, 128, false),
  /** Next to no work: what is left is the cost of the call. */
  TINY("tiny", 1, 1, 1, 1, 1, 8, false);

  final String label;
  final int batch;
  final int heads;
  final int kvHeads;
  final int queryLen;
  final int kvLen;
  final int headDim;
  final boolean causal;

  Shape(
      String label,
      int batch,
      int heads,
      int kvHeads,
      int queryLen,
      int kvLen,
      int headDim,
      boolean causal) {
    this.label = label;
    this.batch = batch;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.queryLen = queryLen;
    this.kvLen = kvLen;
    this.headDim = headDim;
    this.causal = causal;
  }

  static Shape of(String label) {
    return Arrays.stream(values())
        .filter(shape -> shape.label.equals(label))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("shape is " + label + "; allowed: " + labels()));
  }

  static String labels() {
    return Arrays.stream(values()).map(shape -> shape.label).collect(Collectors.joining(", "));
  }

  long[] queryShape() {
    return new long[] {batch, heads, queryLen, headDim};
  }

  long[] keyShape() {
    return new long[] {batch, kvHeads, kvLen, headDim};
  }

  @Override
  public String toString() {
    return label;
  }
}
