// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.gguf.GgufType;
import dev.rapt.models.gguf.GgufWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/** A Llama of random weights: its file, and its weights as the numbers that they are. */
public final class TinyLlama {
  static final int LAYERS = 2;
  static final int WIDTH = 256;
  static final int HEADS = 8;
  static final int KV_HEADS = 2;
  static final int HEAD_DIM = 32;
  static final int FEED_FORWARD = 512;
  static final int VOCABULARY = 300;
  static final int CONTEXT = 1024;
  static final double EPSILON = 1e-5;

  private final Random random = new Random(42);
  private final GgufWriter writer = new GgufWriter();
  private final Map<String, float[]> weights = new HashMap<>();
  private final boolean tied;
  private final boolean biased;
  private final int rotaryDim;

  /** What a model may have. */
  enum Feature {
    OWN_OUTPUT,
    BIASES,
    PARTIAL_ROTARY,
    DIVISORS,
    STRETCH,
    SCALE,
    WINDOW,
    LONGEST_CONTEXT
  }

  static final double STRETCH = 4;
  static final double SCALE = 0.11;
  static final int WINDOW = 7;

  private TinyLlama(GgufType type, List<Feature> features) {
    tied = !features.contains(Feature.OWN_OUTPUT);
    biased = features.contains(Feature.BIASES);
    rotaryDim = features.contains(Feature.PARTIAL_ROTARY) ? 20 : HEAD_DIM;
    metadata(features);
    vocabulary();
    tensor("token_embd.weight", type, 2, VOCABULARY, WIDTH);
    tensor("output_norm.weight", GgufType.F32, 1, WIDTH);
    if (!tied) {
      tensor("output.weight", type, 0.1, VOCABULARY, WIDTH);
    }
    if (features.contains(Feature.DIVISORS)) {
      float[] divisors = new float[rotaryDim / 2];
      for (int i = 0; i < divisors.length; i++) {
        divisors[i] = 1 + 0.5f * i;
      }
      writer.tensor("rope_freqs.weight", divisors, divisors.length);
      weights.put("rope_freqs.weight", divisors);
    }
    for (int layer = 0; layer < LAYERS; layer++) {
      layer("blk." + layer + ".", type);
    }
  }

  /** All matrices are of this type. */
  static TinyLlama of(GgufType type, Feature... features) {
    return new TinyLlama(type, List.of(features));
  }

  /** A file with F32 weights, for tests that only want some model. */
  public static Path file(Path path) {
    try {
      return Files.write(path, of(GgufType.F32).bytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void metadata(List<Feature> features) {
    writer
        .string("general.architecture", "llama")
        .uint32("llama.block_count", LAYERS)
        .uint32("llama.embedding_length", WIDTH)
        .uint32("llama.attention.head_count", HEADS)
        .uint32("llama.attention.head_count_kv", KV_HEADS)
        .uint32("llama.feed_forward_length", FEED_FORWARD)
        .uint32(
            "llama.context_length",
            features.contains(Feature.LONGEST_CONTEXT) ? Integer.MAX_VALUE : CONTEXT)
        .float32("llama.attention.layer_norm_rms_epsilon", EPSILON);
    if (features.contains(Feature.PARTIAL_ROTARY)) {
      writer.uint32("llama.rope.dimension_count", rotaryDim);
    }
    if (features.contains(Feature.STRETCH)) {
      writer.string("llama.rope.scaling.type", "linear");
      writer.float32("llama.rope.scaling.factor", STRETCH);
      writer.float32("llama.rope.freq_base", 500_000);
    }
    if (features.contains(Feature.SCALE)) {
      writer.float32("llama.attention.scale", SCALE);
    }
    if (features.contains(Feature.WINDOW)) {
      writer.uint32("llama.attention.sliding_window", WINDOW);
    }
  }

  /** SentencePiece: three control tokens, all bytes, and some letters and pairs of them. */
  private void vocabulary() {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    int[] types = new int[VOCABULARY];
    float[] scores = new float[VOCABULARY];
    types[0] = 2;
    types[1] = 3;
    types[2] = 3;
    for (int i = 0; i < 256; i++) {
      types[tokens.size()] = 6;
      tokens.add(String.format(Locale.ROOT, "<0x%02X>", i));
    }
    for (int i = 0; tokens.size() < VOCABULARY; i++) {
      types[tokens.size()] = 1;
      scores[tokens.size()] = -i;
      tokens.add(
          i < 27 ? "▁abcdefghijklmnopqrstuvwxyz".substring(i, i + 1) : "a" + (char) ('a' + i - 27));
    }
    writer
        .string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", tokens)
        .ints("tokenizer.ggml.token_type", types)
        .floats("tokenizer.ggml.scores", scores);
  }

  private void layer(String prefix, GgufType type) {
    int query = HEADS * HEAD_DIM;
    int key = KV_HEADS * HEAD_DIM;
    tensor(prefix + "attn_norm.weight", GgufType.F32, 1, WIDTH);
    tensor(prefix + "ffn_norm.weight", GgufType.F32, 1, WIDTH);
    linear(prefix + "attn_q", type, query, WIDTH);
    linear(prefix + "attn_k", type, key, WIDTH);
    linear(prefix + "attn_v", type, key, WIDTH);
    linear(prefix + "attn_output", type, WIDTH, query);
    linear(prefix + "ffn_gate", type, FEED_FORWARD, WIDTH);
    linear(prefix + "ffn_up", type, FEED_FORWARD, WIDTH);
    linear(prefix + "ffn_down", type, WIDTH, FEED_FORWARD);
  }

  private void linear(String name, GgufType type, int out, int in) {
    tensor(name + ".weight", type, 0.15, out, in);
    if (biased) {
      tensor(name + ".bias", GgufType.F32, 0.5, out);
    }
  }

  private void tensor(String name, GgufType type, double size, int... shape) {
    int elements = 1;
    long[] sizes = new long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      elements *= shape[i];
      sizes[i] = shape[i];
    }
    Packed packed = Packed.draw(random, type, elements, size);
    weights.put(name, packed.values());
    writer.tensor(name, type, packed.bytes(), sizes);
  }

  byte[] bytes() {
    return writer.bytes();
  }

  GgufWriter writer() {
    return writer;
  }

  boolean has(String name) {
    return weights.containsKey(name);
  }

  float[] weight(String name) {
    return weights.get(name);
  }

  int rotaryDim() {
    return rotaryDim;
  }
}
