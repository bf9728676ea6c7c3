// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import dev.rapt.internal.ops.MhaOperation;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one {@link MultiHeadAttention} call, all in the memory of its device. Each has its
 * own element type. All of them may lack B. Immutable; it may be used for any number of calls.
 *
 * {@snippet :
 * MultiHeadAttentionTensors tensors =
 *     MultiHeadAttentionTensors.builder(query, key, value, output).keyPaddingMask(padding).build();
 * multiHead.run(device, tensors);
 * }
 */
public final class MultiHeadAttentionTensors {
  private final @Nullable Tensor[] slots;

  private MultiHeadAttentionTensors(@Nullable Tensor[] slots) {
    this.slots = slots;
  }

  /** A builder with the tensors that every call needs. */
  public static Builder builder(Tensor query, Tensor key, Tensor value, Tensor output) {
    return new Builder(query, key, value, output);
  }

  /** A builder that begins with these tensors. */
  public Builder toBuilder() {
    Builder builder = new Builder(query(), key(), value(), output());
    System.arraycopy(slots, 0, builder.slots, 0, slots.length);
    return builder;
  }

  /** The tensors by slot. Not to be changed. */
  @Nullable Tensor[] slots() {
    return slots;
  }

  /** (B, Sq, Eq), F32, F16 or BF16. */
  public Tensor query() {
    return slots[MhaOperation.QUERY];
  }

  /** (B, Skv, Ek), F32, F16 or BF16. */
  public Tensor key() {
    return slots[MhaOperation.KEY];
  }

  /** (B, Skv, Ev), F32, F16 or BF16. */
  public Tensor value() {
    return slots[MhaOperation.VALUE];
  }

  /** (B, Sq, E), F32, F16 or BF16, written; overlaps no other tensor and not itself. */
  public Tensor output() {
    return slots[MhaOperation.OUTPUT];
  }

  /** BOOL, true = attend; rank 1 to 4, broadcasts right-aligned to (B, Hq, Sq, Skv). */
  public @Nullable Tensor mask() {
    return slots[MhaOperation.MASK];
  }

  /** F32, F16 or BF16, added after softcap, -inf masks; broadcasts like the mask. */
  public @Nullable Tensor bias() {
    return slots[MhaOperation.BIAS];
  }

  /** (B, Skv), BOOL, true = padding, which no query sees. */
  public @Nullable Tensor keyPaddingMask() {
    return slots[MhaOperation.KEY_PADDING_MASK];
  }

  /** (Hq) or (B, Hq), F32: subtracts slope * |i + position - j| from a score. */
  public @Nullable Tensor alibiSlopes() {
    return slots[MhaOperation.ALIBI_SLOPES];
  }

  /** (Hq) or (B, Hq), F32: a logit that joins the softmax's sum and nothing else. */
  public @Nullable Tensor sinks() {
    return slots[MhaOperation.SINKS];
  }

  /** (B, Hq, Sq), F32, written: ln of the sum of exp(score), the sink included. */
  public @Nullable Tensor lse() {
    return slots[MhaOperation.LSE];
  }

  /**
   * (B, Hq, Sq, T), or (B, Sq, T) where averaged over heads, F32, F16 or BF16, written: scores at
   * the stage the attention names; T = Skv + appended keys.
   */
  public @Nullable Tensor weights() {
    return slots[MhaOperation.WEIGHTS];
  }

  /**
   * (B), I32 or I64: the position of each sample's query 0 among the keys, in place of the
   * attention's own; ONNX: past length, or nonpad_kv_seqlen - Sq.
   */
  public @Nullable Tensor positions() {
    return slots[MhaOperation.POSITIONS];
  }

  /** Collects the optional tensors of a call; null, the default, is none. Not thread-safe. */
  public static final class Builder {
    private final @Nullable Tensor[] slots = new Tensor[MhaOperation.SLOTS];

    private Builder(Tensor query, Tensor key, Tensor value, Tensor output) {
      slots[MhaOperation.QUERY] = Objects.requireNonNull(query, "query");
      slots[MhaOperation.KEY] = Objects.requireNonNull(key, "key");
      slots[MhaOperation.VALUE] = Objects.requireNonNull(value, "value");
      slots[MhaOperation.OUTPUT] = Objects.requireNonNull(output, "output");
    }

    /** BOOL, true = attend; rank 1 to 4, broadcasts right-aligned to (B, Hq, Sq, Skv). */
    public Builder mask(@Nullable Tensor mask) {
      slots[MhaOperation.MASK] = mask;
      return this;
    }

    /** F32, F16 or BF16, added after softcap, -inf masks; broadcasts like the mask. */
    public Builder bias(@Nullable Tensor bias) {
      slots[MhaOperation.BIAS] = bias;
      return this;
    }

    /** (B, Skv), BOOL, true = padding, which no query sees. */
    public Builder keyPaddingMask(@Nullable Tensor keyPaddingMask) {
      slots[MhaOperation.KEY_PADDING_MASK] = keyPaddingMask;
      return this;
    }

    /** (Hq) or (B, Hq), F32: subtracts slope * |i + position - j| from a score. */
    public Builder alibiSlopes(@Nullable Tensor alibiSlopes) {
      slots[MhaOperation.ALIBI_SLOPES] = alibiSlopes;
      return this;
    }

    /** (Hq) or (B, Hq), F32: a logit that joins the softmax's sum and nothing else. */
    public Builder sinks(@Nullable Tensor sinks) {
      slots[MhaOperation.SINKS] = sinks;
      return this;
    }

    /** (B, Hq, Sq), F32, written: ln of the sum of exp(score), the sink included. */
    public Builder lse(@Nullable Tensor lse) {
      slots[MhaOperation.LSE] = lse;
      return this;
    }

    /**
     * (B, Hq, Sq, T), or (B, Sq, T) where averaged over heads, F32, F16 or BF16, written: scores at
     * the stage the attention names; T = Skv + appended keys.
     */
    public Builder weights(@Nullable Tensor weights) {
      slots[MhaOperation.WEIGHTS] = weights;
      return this;
    }

    /**
     * (B), I32 or I64: the position of each sample's query 0 among the keys, in place of the
     * attention's own; ONNX: past length, or nonpad_kv_seqlen - Sq.
     */
    public Builder positions(@Nullable Tensor positions) {
      slots[MhaOperation.POSITIONS] = positions;
      return this;
    }

    /** The tensors collected so far. */
    public MultiHeadAttentionTensors build() {
      return new MultiHeadAttentionTensors(slots.clone());
    }
  }
}
