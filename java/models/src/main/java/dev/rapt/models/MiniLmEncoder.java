// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models;

import dev.rapt.AttentionTensors;
import dev.rapt.CudaDevice;
import dev.rapt.DType;
import dev.rapt.Device;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The all-MiniLM-L6-v2 sentence encoder on a Rapt device. It owns packed weights and buffers, and
 * must be closed before the device, which it does not own. Not thread-safe.
 */
public final class MiniLmEncoder implements AutoCloseable {
  private static final String MODEL = "/all-minilm-l6-v2.onnx";
  private static final String TOKENIZER = "/all-minilm-l6-v2-tokenizer.json";

  /**
   * Tokens that a thread keeps in its cache and its share of the last one: 4.5 MB of intermediate
   * results. Batches of 4,096 on one thread take a tenth longer.
   */
  private static final int TOKENS_PER_THREAD = 512;

  /** Beyond this many, threads stay busy and memory only grows. */
  private static final int MAX_BATCH_TOKENS = 4096;

  private final MiniLmConfig config;

  /** For the work on rows, in host memory: the device itself, unless that is a GPU. */
  private final Device host;

  private final boolean ownsHost;
  private final Arena arena = Arena.ofShared();
  private final Embeddings embeddings;
  private final List<EncoderLayer> layers = new ArrayList<>();
  private final EncoderBuffers buffers;
  private final DeviceBuffers deviceBuffers;
  private final Rows rows;
  private final int batchTokens;

  private MiniLmEncoder(Device device, OnnxWeights weights) {
    config = MiniLmConfig.of(weights);
    ownsHost = device instanceof CudaDevice;
    host = ownsHost ? Device.best() : device;
    embeddings = new Embeddings(host, arena, weights, config);
    buffers = new EncoderBuffers(config);
    deviceBuffers = new DeviceBuffers(device);
    rows = new Rows(Math.max(1, host.threads()));
    batchTokens =
        ownsHost
            ? MAX_BATCH_TOKENS
            : (int) Math.min((long) TOKENS_PER_THREAD * rows.threads(), MAX_BATCH_TOKENS);
    for (int layer = 0; layer < config.layers(); layer++) {
      layers.add(new EncoderLayer(device, host, deviceBuffers, weights, config, layer));
    }
  }

  /**
   * Loads the model from the class path and packs its matrices for the device, which must stay open
   * as long as the encoder.
   *
   * @throws UncheckedIOException if the model is not on the class path or cannot be read
   */
  public static MiniLmEncoder load(Device device) {
    return of(device, readWeights());
  }

  static MiniLmEncoder of(Device device, OnnxWeights weights) {
    return new MiniLmEncoder(device, weights);
  }

  static OnnxWeights readWeights() {
    try (InputStream in = resource(MODEL)) {
      return OnnxWeights.read(in);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the model: " + e.getMessage(), e);
    }
  }

  /**
   * Loads the model's tokenizer from the class path; the caller closes it. It cuts texts at {@link
   * MiniLmConfig#MAX_TOKENS}.
   *
   * @throws UncheckedIOException if it is not on the class path, or its native library does not
   *     load
   */
  public static MiniLmTokenizer loadTokenizer() {
    try (InputStream in = resource(TOKENIZER)) {
      return MiniLmTokenizer.read(in, MiniLmConfig.MAX_TOKENS);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the tokenizer: " + e.getMessage(), e);
    }
  }

  private static InputStream resource(String name) throws IOException {
    InputStream in = MiniLmEncoder.class.getResourceAsStream(name);
    if (in == null) {
      throw new IOException(name + " is not on the class path");
    }
    return in;
  }

  /** The model's sizes. */
  public MiniLmConfig config() {
    return config;
  }

  /** Tokens of a batch with which the device is fastest; embeddings do not depend on it. */
  public int batchTokens() {
    return batchTokens;
  }

  /**
   * One embedding of Euclidean length 1 for each text of the batch: (size, width), new arrays that
   * belong to the caller. A text's embedding has the same bits whatever else the batch holds.
   * Intermediate buffers grow with the largest batch and stay until {@link #close}.
   */
  public float[][] embed(TokenBatch batch) {
    EncoderBuffers.Views views = buffers.prepare(batch);
    embeddings.lookup(batch, views.hidden(), rows);
    List<AttentionTensors> calls =
        AttentionCalls.of(batch, config.heads(), views, deviceBuffers, null);
    for (EncoderLayer layer : layers) {
      layer.forward(views, calls, null);
    }
    float[][] result = new float[batch.size()][];
    int width = config.width();
    for (int text = 0; text < result.length; text++) {
      float[] vectors = new float[batch.length(text) * width];
      MemorySegment.copy(
          views.hidden().segment(),
          ValueLayout.JAVA_FLOAT,
          (long) batch.firstRow(text) * width * Float.BYTES,
          vectors,
          0,
          vectors.length);
      result[text] = Pooling.meanNormalised(vectors, batch.length(text), width);
    }
    return result;
  }

  /**
   * Runs one text and returns all attention weights, times and plans; the result belongs to the
   * caller.
   */
  public Trace trace(TokenizedText text) {
    TokenBatch batch = TokenBatch.of(List.of(text));
    int length = text.length();
    int heads = config.heads();
    float[][][][] weights = new float[layers.size()][][][];
    List<LayerTime> times = new ArrayList<>();
    List<Plan> plans;
    try (Arena local = Arena.ofShared()) {
      Tensor layerWeights = Tensor.allocate(local, DType.F32, 1, heads, length, length);
      EncoderBuffers.Views views = buffers.prepare(batch);
      embeddings.lookup(batch, views.hidden(), rows);
      List<AttentionTensors> calls =
          AttentionCalls.of(batch, heads, views, deviceBuffers, layerWeights);
      plans = layers.getFirst().plans(views, calls);
      for (int layer = 0; layer < layers.size(); layer++) {
        times.add(layers.get(layer).forward(views, calls, layerWeights));
        weights[layer] = unpack(layerWeights.toFloatArray(), heads, length);
      }
    }
    return new Trace(weights, List.copyOf(times), plans);
  }

  private static float[][][] unpack(float[] flat, int heads, int length) {
    float[][][] result = new float[heads][length][length];
    for (int head = 0; head < heads; head++) {
      for (int query = 0; query < length; query++) {
        System.arraycopy(flat, (head * length + query) * length, result[head][query], 0, length);
      }
    }
    return result;
  }

  @Override
  public void close() {
    layers.forEach(EncoderLayer::close);
    deviceBuffers.close();
    buffers.close();
    arena.close();
    if (ownsHost) {
      host.close();
    }
  }
}
