// SPDX-License-Identifier: Apache-2.0
package dev.rapt.peers.embedding;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.rapt.models.Pooling;
import dev.rapt.models.TokenizedText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * ONNX Runtime on the model's own graph, which wants sentences padded to the longest of a batch:
 * batches of 32, as its users and sentence-transformers take them.
 */
final class OnnxEmbedder implements Embedder {
  private static final String MODEL = "/all-minilm-l6-v2.onnx";
  private static final int BATCH = 32;

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final boolean sorted;

  /**
   * Opens a session.
   *
   * @param sorted whether sentences of similar length stand together, which needs less padding
   */
  OnnxEmbedder(int threads, boolean sorted) throws IOException, OrtException {
    this.sorted = sorted;
    try (InputStream in = OnnxEmbedder.class.getResourceAsStream(MODEL);
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      if (in == null) {
        throw new IOException(MODEL + " is not on the class path");
      }
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      session = environment.createSession(in.readAllBytes(), options);
    }
  }

  @Override
  public String name() {
    return "ONNX Runtime, batches of " + BATCH + (sorted ? " sorted by length" : " as they come");
  }

  @Override
  public float[][] embed(List<TokenizedText> sentences) {
    int[] order =
        sorted ? Embedder.longestFirst(sentences) : IntStream.range(0, sentences.size()).toArray();
    float[][] result = new float[sentences.size()][];
    for (int from = 0; from < order.length; from += BATCH) {
      int size = Math.min(BATCH, order.length - from);
      int[] batch = IntStream.range(from, from + size).map(i -> order[i]).toArray();
      try {
        run(sentences, batch, result);
      } catch (OrtException e) {
        throw new IllegalStateException(e.getMessage(), e);
      }
    }
    return result;
  }

  private void run(List<TokenizedText> sentences, int[] batch, float[][] result)
      throws OrtException {
    int length = IntStream.of(batch).map(i -> sentences.get(i).length()).max().orElse(0);
    long[] ids = new long[batch.length * length];
    long[] mask = new long[ids.length];
    for (int row = 0; row < batch.length; row++) {
      int[] tokens = sentences.get(batch[row]).ids();
      for (int i = 0; i < tokens.length; i++) {
        ids[row * length + i] = tokens[i];
        mask[row * length + i] = 1;
      }
    }
    long[] shape = {batch.length, length};
    Map<String, OnnxTensorLike> inputs = new HashMap<>();
    try {
      inputs.put("input_ids", tensor(ids, shape));
      inputs.put("attention_mask", tensor(mask, shape));
      // All tokens of a single sentence are of segment 0.
      inputs.put("token_type_ids", tensor(new long[ids.length], shape));
      inputs.keySet().retainAll(session.getInputNames());
      try (OrtSession.Result output = session.run(inputs)) {
        pool(((OnnxTensor) output.get(0)).getFloatBuffer(), sentences, batch, result);
      }
    } finally {
      inputs.values().forEach(OnnxTensorLike::close);
    }
  }

  private OnnxTensor tensor(long[] numbers, long... shape) throws OrtException {
    return OnnxTensor.createTensor(environment, LongBuffer.wrap(numbers), shape);
  }

  /** The mean of a sentence's own tokens, which stand before its padding. */
  private static void pool(
      FloatBuffer hidden, List<TokenizedText> sentences, int[] batch, float[][] result) {
    float[] rows = new float[hidden.remaining() / batch.length];
    int longest = IntStream.of(batch).map(i -> sentences.get(i).length()).max().orElse(1);
    for (int i : batch) {
      hidden.get(rows);
      result[i] = Pooling.meanNormalised(rows, sentences.get(i).length(), rows.length / longest);
    }
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }
}
