// SPDX-License-Identifier: Apache-2.0
package dev.rapt.models.llama;

import dev.rapt.models.gguf.GgufType;
import dev.rapt.models.gguf.GgufWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A Llama with as little as one can have, whose file is mostly header. */
public final class SmallestLlama {
  private static final int WIDTH = 32;

  private final GgufWriter writer = new GgufWriter();

  /** One layer, one head, of all types of weights that fit it. */
  public SmallestLlama() {
    List<String> tokens =
        new ArrayList<>(List.of("<unk>", "<s>", "</s>", "\u2581", "a", "b", "ab"));
    writer
        .string("general.architecture", "llama")
        .uint32("general.alignment", 32)
        .uint32("llama.block_count", 1)
        .uint32("llama.embedding_length", WIDTH)
        .uint32("llama.attention.head_count", 2)
        .uint32("llama.attention.head_count_kv", 1)
        .uint32("llama.feed_forward_length", WIDTH)
        .uint32("llama.context_length", 16)
        .uint32("llama.rope.dimension_count", 16)
        .float32("llama.rope.freq_base", 10_000)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", tokens)
        .floats("tokenizer.ggml.scores", new float[tokens.size()])
        .ints("tokenizer.ggml.token_type", 2, 3, 3, 1, 1, 1, 1)
        .uint32("tokenizer.ggml.bos_token_id", 1)
        .uint32("tokenizer.ggml.eos_token_id", 2)
        .bool("tokenizer.ggml.add_bos_token", true)
        .tensor("token_embd.weight", ones(tokens.size() * WIDTH), tokens.size(), WIDTH)
        .tensor("output_norm.weight", ones(WIDTH), WIDTH)
        .tensor("blk.0.attn_norm.weight", ones(WIDTH), WIDTH)
        .tensor("blk.0.ffn_norm.weight", ones(WIDTH), WIDTH)
        .tensor("blk.0.attn_q.weight", GgufType.Q8_0, new byte[WIDTH * 34], WIDTH, WIDTH)
        .tensor("blk.0.attn_k.weight", GgufType.Q4_0, new byte[WIDTH / 2 * 18], WIDTH / 2, WIDTH)
        .tensor("blk.0.attn_v.weight", GgufType.F16, new byte[WIDTH * WIDTH], WIDTH / 2, WIDTH)
        .tensor(
            "blk.0.attn_output.weight", GgufType.BF16, new byte[WIDTH * WIDTH * 2], WIDTH, WIDTH)
        .tensor("blk.0.ffn_gate.weight", GgufType.Q8_0, new byte[WIDTH * 34], WIDTH, WIDTH)
        .tensor("blk.0.ffn_up.weight", GgufType.Q8_0, new byte[WIDTH * 34], WIDTH, WIDTH)
        .tensor("blk.0.ffn_down.weight", GgufType.Q8_0, new byte[WIDTH * 34], WIDTH, WIDTH);
  }

  private static float[] ones(int count) {
    float[] ones = new float[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** The whole file. */
  public byte[] bytes() {
    return writer.bytes();
  }

  /** How many of its bytes come before the data. */
  public int headerBytes() {
    return writer.headerBytes();
  }
}
