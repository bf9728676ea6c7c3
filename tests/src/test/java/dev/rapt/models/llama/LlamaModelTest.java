// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.rapt.Device;
import dev.rapt.check.Tier;
import dev.rapt.models.gguf.GgufException;
import dev.rapt.models.gguf.GgufFile;
import dev.rapt.models.gguf.GgufType;
import dev.rapt.models.gguf.GgufWriter;
import dev.rapt.models.llama.TinyLlama.Feature;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The model against itself in double, of every type of weights and with everything it may have. */
class LlamaModelTest {
  /** Of logits up to about 100 and some hundred roundings on the way to each. */
  private static final double TOLERANCE = 2e-3;

  @TempDir private Path folder;

  private GgufFile open(byte[] bytes) throws IOException {
    return GgufFile.open(Files.write(folder.resolve("tiny.gguf"), bytes));
  }

  private static int[] tokens(int count) {
    return new Random(7).ints(count, 0, TinyLlama.VOCABULARY).toArray();
  }

  private static void assertClose(double[] expected, float[] logits, String what) {
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    assertTrue(largest > 1, what + " has logits up to " + largest);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], logits[i], TOLERANCE * Math.max(1, largest / 10), what + " " + i);
    }
  }

  private void check(Device device, TinyLlama tiny, Feature... features) throws IOException {
    int[] tokens = tokens(12);
    double[] expected = new DoubleLlama(tiny, features).logits(tokens);
    try (GgufFile file = open(tiny.bytes());
        LlamaModel model = LlamaModel.load(device, file);
        LlamaSequence whole = model.newSequence(12);
        LlamaSequence single = model.newSequence(12)) {
      assertClose(expected, whole.append(tokens), "read at once");
      float[] logits = {};
      for (int token : tokens) {
        logits = single.append(token);
      }
      assertClose(expected, logits, "one by one");
      assertEquals(12, single.length());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = GgufType.class,
      names = {"F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"})
  void everyTypeOfWeights(GgufType type) throws IOException {
    check(Tier.usable().getLast().device(2), TinyLlama.of(type));
  }

  static Stream<Tier> tiers() {
    return Tier.usable().stream();
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void everyTier(Tier tier) throws IOException {
    check(tier.device(), TinyLlama.of(GgufType.Q8_0));
  }

  @ParameterizedTest
  @EnumSource(Feature.class)
  void everyFeature(Feature feature) throws IOException {
    check(Tier.usable().getLast().device(), TinyLlama.of(GgufType.F32, feature), feature);
  }

  @Test
  void allFeaturesTogether() throws IOException {
    Feature[] all = Feature.values();
    check(Tier.usable().getLast().device(), TinyLlama.of(GgufType.F32, all), all);
  }

  /** More than a chunk, and more than a step of the cache's views. */
  @Test
  void longPromptsAreReadInChunks() throws IOException {
    int[] tokens = tokens(530);
    double[] expected = new DoubleLlama(TinyLlama.of(GgufType.F32)).logits(tokens);
    try (GgufFile file = open(TinyLlama.of(GgufType.F32).bytes());
        LlamaModel model = LlamaModel.load(Tier.usable().getLast().device(2), file);
        LlamaSequence whole = model.newSequence(530);
        LlamaSequence parts = model.newSequence(700)) {
      assertClose(expected, whole.append(tokens), "read at once");
      parts.append(Arrays.copyOf(tokens, 255));
      parts.append(tokens[255]);
      parts.append(tokens[256]);
      assertClose(
          expected, parts.append(Arrays.copyOfRange(tokens, 257, 530)), "read in three parts");
    }
  }

  /** Bits do not depend on threads, on the room that is left, or on what else the model reads. */
  @Test
  void bitsAreTheSameInAnyCompany() throws IOException {
    int[] tokens = tokens(40);
    Tier tier = Tier.usable().getLast();
    try (GgufFile file = open(TinyLlama.of(GgufType.Q4_0).bytes());
        LlamaModel one = LlamaModel.load(tier.device(1), file);
        LlamaModel several = LlamaModel.load(tier.device(Tier.SEVERAL_THREADS), file);
        LlamaSequence alone = one.newSequence(45);
        LlamaSequence roomy = several.newSequence(1000);
        LlamaSequence other = several.newSequence(50)) {
      assertArrayEquals(alone.append(tokens), roomy.append(tokens));
      for (int token = 0; token < 5; token++) {
        other.append(token + 9);
        assertArrayEquals(alone.append(token), roomy.append(token), "token " + token);
      }
    }
  }

  @Test
  void whatCannotBeAppendedIsNamed() throws IOException {
    try (GgufFile file = open(TinyLlama.of(GgufType.F32).bytes());
        LlamaModel model = LlamaModel.load(Tier.usable().getLast().device(), file);
        LlamaSequence sequence = model.newSequence(3)) {
      refused("capacity is 1025; allowed: 1 to 1024", () -> model.newSequence(1025));
      refused("capacity is 0; allowed: 1 to 1024", () -> model.newSequence(0));
      refused("token is 300; allowed: 0 to 299", () -> sequence.append(300));
      refused("token is -1; allowed: 0 to 299", () -> sequence.append(5, -1));
      refused("there are 4 tokens to append; allowed: 1 to 3", () -> sequence.append(1, 2, 3, 4));
      refused("there are 0 tokens to append", sequence::append);
      assertEquals(0, sequence.length());
      sequence.append(1, 2, 3);
      refused("allowed: 1 to 0, as 3 of 3 are there", () -> sequence.append(1));
    }
  }

  /** A file may name any context; what memory cannot hold is refused by a sentence. */
  @Test
  void contextsBeyondAllMemoryAreNamed() throws IOException {
    int context = Integer.MAX_VALUE;
    TinyLlama tiny = TinyLlama.of(GgufType.F32, Feature.LONGEST_CONTEXT);
    try (GgufFile file = open(tiny.bytes());
        LlamaModel model = LlamaModel.load(Tier.usable().getLast().device(), file)) {
      assertEquals(context, model.config().contextLength());
      refused(
          "there is no memory for 2147483647 tokens, whose keys and values take 2199023254528"
              + " bytes; allowed: fewer",
          () -> model.newSequence(context));
      try (LlamaSequence sequence = model.newSequence(300)) {
        assertEquals(TinyLlama.VOCABULARY, sequence.append(1).length);
      }
    }
  }

  private static void refused(String expected, Runnable call) {
    String message = assertThrows(IllegalArgumentException.class, call::run).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void whatIsNotSupportedIsNamed() throws IOException {
    unsupported(
        "'gemma', which is not supported; allowed: 'llama'", "general.architecture", "gemma");
    unsupported("llama.expert_count is 8.0, which is not supported", "llama.expert_count", 8);
    unsupported("llama.context_length is 0; allowed: 1 to", "llama.context_length", 0);
    unsupported("allowed: multiples of head_count_kv, 3", "llama.attention.head_count_kv", 3);
    unsupported(
        "llama.rope.scaling.type is 'yarn', which is not supported; allowed: none, linear",
        "llama.rope.scaling.type",
        "yarn");
    unsupported("llama.embedding_length is 0", "llama.embedding_length", 0);
    unsupported(
        "token_embd.weight, F32 (300, 256); allowed by the file's metadata: (300, 128)",
        "llama.embedding_length",
        128);
    unsupported("the file has no tensor blk.2.attn_norm.weight", "llama.block_count", 3);
    unsupported("the file has the tensor blk.1.", "llama.block_count", 1);
    unsupported("llama.rope.dimension_count is 7; allowed: even", "llama.rope.dimension_count", 7);
    unsupported(
        "heads have 16 elements in keys and 32 in values", "llama.attention.value_length", 32);
  }

  /** A file in which a key has another value. */
  private void unsupported(String expected, String key, Object value) throws IOException {
    GgufWriter writer = new GgufWriter();
    for (String own :
        new String[] {
          "block_count 2",
          "embedding_length 256",
          "attention.head_count 16",
          "attention.head_count_kv 2",
          "feed_forward_length 512",
          "context_length 1024"
        }) {
      String[] parts = own.split(" ");
      if (!key.equals("llama." + parts[0])) {
        writer.uint32("llama." + parts[0], Integer.parseInt(parts[1]));
      }
    }
    if (!key.equals("general.architecture")) {
      writer.string("general.architecture", "llama");
    }
    writer.float32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    if (value instanceof Integer number) {
      writer.uint32(key, number);
    } else {
      writer.string(key, (String) value);
    }
    writer.tensor("token_embd.weight", new float[300 * 256], 300, 256);
    writer.tensor("output_norm.weight", new float[256], 256);
    for (int layer = 0; layer < 2; layer++) {
      String prefix = "blk." + layer + ".";
      writer.tensor(prefix + "attn_norm.weight", new float[256], 256);
      writer.tensor(prefix + "ffn_norm.weight", new float[256], 256);
      writer.tensor(prefix + "attn_q.weight", new float[256 * 256], 256, 256);
      writer.tensor(prefix + "attn_k.weight", new float[32 * 256], 32, 256);
      writer.tensor(prefix + "attn_v.weight", new float[32 * 256], 32, 256);
      writer.tensor(prefix + "attn_output.weight", new float[256 * 256], 256, 256);
      writer.tensor(prefix + "ffn_gate.weight", new float[512 * 256], 512, 256);
      writer.tensor(prefix + "ffn_up.weight", new float[512 * 256], 512, 256);
      writer.tensor(prefix + "ffn_down.weight", new float[256 * 512], 256, 512);
    }
    try (GgufFile file = open(writer.bytes())) {
      Device device = Tier.usable().getLast().device();
      String message =
          assertThrows(GgufException.class, () -> LlamaModel.load(device, file)).getMessage();
      assertTrue(message.contains(expected), message);
    }
  }

  @Test
  void otherTypesOfWeightsAreNamed() throws IOException {
    byte[] bytes = new byte[300 * 256 / 32 * 22];
    GgufWriter writer =
        new GgufWriter()
            .string("general.architecture", "llama")
            .uint32("llama.block_count", 1)
            .uint32("llama.embedding_length", 256)
            .uint32("llama.attention.head_count", 8)
            .uint32("llama.feed_forward_length", 512)
            .uint32("llama.context_length", 1024)
            .float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
            .tensor("token_embd.weight", GgufType.Q5_0, bytes, 300, 256);
    try (GgufFile file = open(writer.bytes())) {
      Device device = Tier.usable().getLast().device();
      String message =
          assertThrows(GgufException.class, () -> LlamaModel.load(device, file)).getMessage();
      assertEquals(
          "token_embd.weight, Q5_0 (300, 256) is of a type that is not supported; allowed: F32,"
              + " F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K",
          message);
    }
  }

  /** A token costs no garbage, so that writing never waits for a collection. */
  @Test
  void decodingAllocatesNothing() throws IOException {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (GgufFile file = open(TinyLlama.of(GgufType.Q8_0).bytes());
        LlamaModel model = LlamaModel.load(Tier.usable().getLast().device(), file)) {
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 60 && least > 0; round++) {
        try (LlamaSequence sequence = model.newSequence(250)) {
          sequence.append(1);
          long before = threads.getCurrentThreadAllocatedBytes();
          for (int token = 0; token < 240; token++) {
            sequence.append(token);
          }
          least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
      }
      assertEquals(0, least, "bytes of 240 tokens");
    }
  }
}
