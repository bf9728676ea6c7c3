// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.CudaDevice;
import dev.rapt.Device;
import dev.rapt.Linear;
import dev.rapt.RaptException;
import dev.rapt.cache.KvCache;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.gguf.GgufTensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A Llama of a GGUF file on a device, with every projection and attention on the device's kernels.
 * Its matrices are packed for the device, Q8_0 and Q4_0 as they are; the embedding stays in the
 * file, which must be open as long as the model. Close it before the device. Thread-safe.
 *
 * {@snippet :
 * try (GgufFile file = GgufFile.open(path);
 *     LlamaModel model = LlamaModel.load(device, file);
 *     LlamaSequence text = model.newSequence(512)) {
 *   float[] logits = text.append(1, 403, 407); // of what follows these tokens
 * }
 * }
 */
public final class LlamaModel implements AutoCloseable {
  /**
   * Tokens of a page of caches: few enough that a text wastes little, and many to read in a row.
   */
  static final int PAGE_SIZE = 32;

  private static final String EMBEDDING = "token_embd.weight";
  private static final String OUTPUT = "output";
  private static final String FREQUENCY_DIVISORS = "rope_freqs.weight";

  private final Device device;
  private final LlamaConfig config;
  private final GgufTensor embedding;
  private final StoredRows embeddingRows;
  private final RotaryAngles angles;
  private final List<LlamaLayer> layers = new ArrayList<>();
  private final RmsNorm outputNorm;
  private final Linear output;

  private LlamaModel(Device device, GgufFile file) throws GgufException {
    this.device = device;
    config = LlamaConfig.read(file);
    Weights weights = new Weights(file, device);
    embedding = weights.matrix(EMBEDDING, config.width());
    embeddingRows = StoredRows.of(embedding);
    angles = new RotaryAngles(config.rotary(), divisors(weights));
    outputNorm =
        new RmsNorm(weights.vector("output_norm.weight", config.width()), config.epsilon());
    try {
      for (int layer = 0; layer < config.layers(); layer++) {
        layers.add(new LlamaLayer(weights, config, layer));
      }
      // Without a matrix of its own the output is tied to the embedding.
      boolean tied = !weights.has(OUTPUT + ".weight");
      output = weights.linear(tied ? "token_embd" : OUTPUT, config.width(), embedding.rows());
      weights.checkAllTaken();
    } catch (GgufException | RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private float[] divisors(Weights weights) throws GgufException {
    int pairs = config.rotary().dim() / 2;
    float[] ones = new float[pairs];
    Arrays.fill(ones, 1);
    if (!weights.has(FREQUENCY_DIVISORS)) {
      return ones;
    }
    float[] divisors = weights.vector(FREQUENCY_DIVISORS, pairs);
    for (int i = 0; i < pairs; i++) {
      if (!(divisors[i] > 0) || Float.isInfinite(divisors[i])) {
        throw new GgufException(
            FREQUENCY_DIVISORS + "[" + i + "] is " + divisors[i] + "; allowed: positive numbers");
      }
    }
    return divisors;
  }

  /**
   * Reads a model and packs its matrices for the device.
   *
   * @throws GgufException naming what the file lacks, or has and is not supported
   * @throws IllegalArgumentException for a CUDA device
   * @throws RaptException where memory runs out
   */
  public static LlamaModel load(Device device, GgufFile file) throws GgufException {
    if (device instanceof CudaDevice) {
      throw new IllegalArgumentException(
          "device is " + device.name() + "; allowed: the CPU and the Java reference");
    }
    return new LlamaModel(device, file);
  }

  /** The hyperparameters. */
  public LlamaConfig config() {
    return config;
  }

  /** The number of tokens that the model knows. */
  public int vocabulary() {
    return (int) embedding.rows();
  }

  /**
   * An empty text with room for so many tokens; the caller closes it, before the model.
   *
   * @throws IllegalArgumentException where there are less than 1, more than the model's context, or
   *     more than memory has room for
   */
  public LlamaSequence newSequence(int capacity) {
    if (capacity < 1 || capacity > config.contextLength()) {
      throw new IllegalArgumentException(
          "capacity is " + capacity + "; allowed: 1 to " + config.contextLength());
    }
    return new LlamaSequence(this, capacity);
  }

  /**
   * A cache for the keys and values of so many tokens, F32, in whole pages.
   *
   * @throws IllegalArgumentException where memory does not hold them
   */
  KvCache newCache(long tokens) {
    LlamaConfig.Heads heads = config.heads();
    try {
      return KvCache.builder()
          .layers(config.layers())
          .kvHeads(heads.kvCount())
          .headDim(heads.dim())
          .pageSize(PAGE_SIZE)
          .pages(Math.ceilDiv(tokens, (long) PAGE_SIZE))
          .build();
    } catch (OutOfMemoryError e) {
      throw tooLarge(tokens, e);
    }
  }

  /** Says that there is no memory for so many tokens. */
  IllegalArgumentException tooLarge(long tokens, OutOfMemoryError e) {
    return new IllegalArgumentException(
        "there is no memory for "
            + tokens
            + " tokens, whose keys and values take "
            + config.cacheBytes(tokens)
            + " bytes; allowed: fewer",
        e);
  }

  Device device() {
    return device;
  }

  RotaryAngles angles() {
    return angles;
  }

  List<LlamaLayer> layers() {
    return layers;
  }

  /** Fills in the vector of a token. */
  void embed(int token, float[] vector) {
    embeddingRows.read(token, vector);
  }

  RmsNorm outputNorm() {
    return outputNorm;
  }

  Linear output() {
    return output;
  }

  @Override
  public void close() {
    layers.forEach(LlamaLayer::close);
    if (output != null) {
      output.close();
    }
  }
}
