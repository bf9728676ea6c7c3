// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.ops.SdpaOperation;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one {@link Attention} call, all in the memory of the device that runs it. Each has
 * its own element type. Immutable; it may be used for any number of calls.
 *
 * {@snippet :
 * AttentionTensors tensors =
 *     AttentionTensors.builder(query, key, value, output).mask(mask).lse(lse).build();
 * attention.run(device, tensors);
 * }
 */
public final class AttentionTensors {
  private final @Nullable Tensor[] slots;
  private final long longestQuery;
  private final long longestKey;

  private AttentionTensors(Builder builder) {
    slots = builder.slots.clone();
    longestQuery = builder.longestQuery;
    longestKey =
        slots[SdpaOperation.PAGE_TABLE] != null ? builder.longestPaged : builder.longestKey;
  }

  /** A builder with the tensors that every call needs. */
  public static Builder builder(Tensor query, Tensor key, Tensor value, Tensor output) {
    return new Builder(query, key, value, output);
  }

  /** A builder that begins with these tensors. */
  public Builder toBuilder() {
    Builder builder = new Builder(query(), key(), value(), output());
    System.arraycopy(slots, 0, builder.slots, 0, slots.length);
    builder.longestQuery = longestQuery;
    builder.longestKey = longestKey;
    builder.longestPaged = longestKey;
    return builder;
  }

  /** The tensors by slot. Not to be changed. */
  @Nullable Tensor[] slots() {
    return slots;
  }

  /** Whether samples have sizes of their own. */
  boolean varies() {
    return slots[SdpaOperation.KEY_LENGTHS] != null
        || slots[SdpaOperation.QUERY_STARTS] != null
        || slots[SdpaOperation.KEY_STARTS] != null
        || slots[SdpaOperation.PAGE_TABLE] != null;
  }

  /** (B, Hq, Sq, D), F32, F16 or BF16; (1, Hq, tokens, D) with query starts. */
  public Tensor query() {
    return slots[SdpaOperation.QUERY];
  }

  /** (B, Hkv, Skv, D), F32, F16, BF16, or I8 with a key scale. */
  public Tensor key() {
    return slots[SdpaOperation.KEY];
  }

  /** (B, Hkv, Skv, Dv), F32, F16, BF16, or I8 with a value scale. */
  public Tensor value() {
    return slots[SdpaOperation.VALUE];
  }

  /** (B, Hq, Sq, Dv), F32, F16 or BF16, written; overlaps no other tensor and not itself. */
  public Tensor output() {
    return slots[SdpaOperation.OUTPUT];
  }

  /** BOOL, true = attend; rank 1 to 4, broadcasts right-aligned to (B, Hq, Sq, Skv). */
  public @Nullable Tensor mask() {
    return slots[SdpaOperation.MASK];
  }

  /** F32, F16 or BF16, added after softcap, -inf masks; broadcasts like the mask. */
  public @Nullable Tensor bias() {
    return slots[SdpaOperation.BIAS];
  }

  /** (Hq) or (B, Hq), F32: subtracts slope * |i + position - j| from a score. */
  public @Nullable Tensor alibiSlopes() {
    return slots[SdpaOperation.ALIBI_SLOPES];
  }

  /** (Hq) or (B, Hq), F32: a logit that joins the softmax's sum and nothing else. */
  public @Nullable Tensor sinks() {
    return slots[SdpaOperation.SINKS];
  }

  /** (B, Hq, Sq), F32, written: ln of the sum of exp(score), the sink included. */
  public @Nullable Tensor lse() {
    return slots[SdpaOperation.LSE];
  }

  /** (B, Hq, Sq, Skv), F32, F16 or BF16, written: scores at the stage the attention names. */
  public @Nullable Tensor weights() {
    return slots[SdpaOperation.WEIGHTS];
  }

  /**
   * (B, Hkv, Skv) or (B, Hkv, Skv, G), F32, with an I8 key and only then: element d of a row stands
   * for key[d] * keyScale[d / (D / G)]. {@link Quantization} makes both.
   */
  public @Nullable Tensor keyScale() {
    return slots[SdpaOperation.KEY_SCALE];
  }

  /** (B, Hkv, Skv) or (B, Hkv, Skv, G), F32, with an I8 value and only then, as the key scale. */
  public @Nullable Tensor valueScale() {
    return slots[SdpaOperation.VALUE_SCALE];
  }

  /**
   * (B), I32 or I64: the position of each sample's query 0 among the keys, in place of the
   * attention's own; ONNX: past length, or nonpad_kv_seqlen - Sq.
   */
  public @Nullable Tensor positions() {
    return slots[SdpaOperation.POSITIONS];
  }

  /**
   * (B), I32 or I64: how many keys each sample has, 0 to Skv, or to those that the key starts give
   * it. Keys and values behind them are not read. Weights have -inf for them or, after the softmax,
   * 0.
   */
  public @Nullable Tensor keyLengths() {
    return slots[SdpaOperation.KEY_LENGTHS];
  }

  /**
   * (B + 1), I32 or I64: ragged queries. Sample b has the tokens starts[b] up to starts[b + 1] of
   * query and output (1, Hq, tokens, ...), of the LSE (1, Hq, tokens) and of the weights (1, Hq,
   * tokens, Skv). Mask and bias stay (B, Hq, Sq, Skv), counted within the sample. The starts do not
   * fall; tokens of no sample are neither read nor written.
   */
  public @Nullable Tensor queryStarts() {
    return slots[SdpaOperation.QUERY_STARTS];
  }

  /** Sq with query starts: the most queries that a sample has. */
  public long longestQuery() {
    return longestQuery;
  }

  /**
   * (B + 1), I32 or I64: ragged keys. Sample b has the tokens starts[b] up to starts[b + 1] of key,
   * value and their scales, (1, Hkv, tokens, ...).
   */
  public @Nullable Tensor keyStarts() {
    return slots[SdpaOperation.KEY_STARTS];
  }

  /**
   * (B, P), I32 or I64, with key lengths: paged keys. Key, value and their scales are (pages, Hkv,
   * page size, ...), and key j of a sample is row j % page size of page table[b][j / page size].
   * The strides say how a page is laid out. Samples may share pages; entries behind a sample's last
   * key are not read.
   */
  public @Nullable Tensor pageTable() {
    return slots[SdpaOperation.PAGE_TABLE];
  }

  /** Skv with key starts or a page table: the most keys that a sample has. */
  public long longestKey() {
    return longestKey;
  }

  /** Collects the optional tensors of a call; null, the default, is none. Not thread-safe. */
  public static final class Builder {
    private final @Nullable Tensor[] slots = new Tensor[SdpaOperation.SLOTS];
    private long longestQuery;
    private long longestKey;
    private long longestPaged;

    private Builder(Tensor query, Tensor key, Tensor value, Tensor output) {
      slots[SdpaOperation.QUERY] = Objects.requireNonNull(query, "query");
      slots[SdpaOperation.KEY] = Objects.requireNonNull(key, "key");
      slots[SdpaOperation.VALUE] = Objects.requireNonNull(value, "value");
      slots[SdpaOperation.OUTPUT] = Objects.requireNonNull(output, "output");
    }

    /** BOOL, true = attend; rank 1 to 4, broadcasts right-aligned to (B, Hq, Sq, Skv). */
    public Builder mask(@Nullable Tensor mask) {
      slots[SdpaOperation.MASK] = mask;
      return this;
    }

    /** F32, F16 or BF16, added after softcap, -inf masks; broadcasts like the mask. */
    public Builder bias(@Nullable Tensor bias) {
      slots[SdpaOperation.BIAS] = bias;
      return this;
    }

    /** (Hq) or (B, Hq), F32: subtracts slope * |i + position - j| from a score. */
    public Builder alibiSlopes(@Nullable Tensor alibiSlopes) {
      slots[SdpaOperation.ALIBI_SLOPES] = alibiSlopes;
      return this;
    }

    /** (Hq) or (B, Hq), F32: a logit that joins the softmax's sum and nothing else. */
    public Builder sinks(@Nullable Tensor sinks) {
      slots[SdpaOperation.SINKS] = sinks;
      return this;
    }

    /** (B, Hq, Sq), F32, written: ln of the sum of exp(score), the sink included. */
    public Builder lse(@Nullable Tensor lse) {
      slots[SdpaOperation.LSE] = lse;
      return this;
    }

    /** (B, Hq, Sq, Skv), F32, F16 or BF16, written: scores at the stage the attention names. */
    public Builder weights(@Nullable Tensor weights) {
      slots[SdpaOperation.WEIGHTS] = weights;
      return this;
    }

    /**
     * (B, Hkv, Skv) or (B, Hkv, Skv, G), F32, with an I8 key and only then: element d of a row
     * stands for key[d] * keyScale[d / (D / G)]. {@link Quantization} makes both.
     */
    public Builder keyScale(@Nullable Tensor keyScale) {
      slots[SdpaOperation.KEY_SCALE] = keyScale;
      return this;
    }

    /** (B, Hkv, Skv) or (B, Hkv, Skv, G), F32, with an I8 value and only then, as the key scale. */
    public Builder valueScale(@Nullable Tensor valueScale) {
      slots[SdpaOperation.VALUE_SCALE] = valueScale;
      return this;
    }

    /**
     * (B), I32 or I64: the position of each sample's query 0 among the keys, in place of the
     * attention's own; ONNX: past length, or nonpad_kv_seqlen - Sq.
     */
    public Builder positions(@Nullable Tensor positions) {
      slots[SdpaOperation.POSITIONS] = positions;
      return this;
    }

    /**
     * (B), I32 or I64: how many keys each sample has, 0 to Skv, or to those that the key starts
     * give it. Keys and values behind them are not read. Weights have -inf for them or, after the
     * softmax, 0.
     */
    public Builder keyLengths(@Nullable Tensor keyLengths) {
      slots[SdpaOperation.KEY_LENGTHS] = keyLengths;
      return this;
    }

    /**
     * (B + 1), I32 or I64: ragged queries. Sample b has the tokens starts[b] up to starts[b + 1] of
     * query and output (1, Hq, tokens, ...), of the LSE (1, Hq, tokens) and of the weights (1, Hq,
     * tokens, Skv). Mask and bias stay (B, Hq, Sq, Skv), counted within the sample. The starts do
     * not fall; tokens of no sample are neither read nor written.
     *
     * @param longest Sq: the most queries that a sample has, at most the tokens
     */
    public Builder queryStarts(@Nullable Tensor starts, long longest) {
      slots[SdpaOperation.QUERY_STARTS] = starts;
      longestQuery = longest;
      return this;
    }

    /**
     * (B + 1), I32 or I64: ragged keys. Sample b has the tokens starts[b] up to starts[b + 1] of
     * key, value and their scales, (1, Hkv, tokens, ...).
     *
     * @param longest Skv: the most keys that a sample has, at most the tokens
     */
    public Builder keyStarts(@Nullable Tensor starts, long longest) {
      slots[SdpaOperation.KEY_STARTS] = starts;
      longestKey = longest;
      return this;
    }

    /**
     * (B, P), I32 or I64, with key lengths: paged keys. Key, value and their scales are (pages,
     * Hkv, page size, ...), and key j of a sample is row j % page size of page table[b][j / page
     * size]. The strides say how a page is laid out. Samples may share pages; entries behind a
     * sample's last key are not read.
     *
     * @param longest Skv: the most keys that a sample may have, at most P times the page size
     */
    public Builder pageTable(@Nullable Tensor table, long longest) {
      slots[SdpaOperation.PAGE_TABLE] = table;
      longestPaged = longest;
      return this;
    }

    /** The tensors collected so far. */
    public AttentionTensors build() {
      return new AttentionTensors(this);
    }
  }
}
