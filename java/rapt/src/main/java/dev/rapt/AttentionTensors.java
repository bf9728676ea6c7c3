// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one {@link Attention} call, all in the memory of the device that runs it. Each has
 * its own element type.
 *
 * @param query (B, Hq, Sq, D), F32, F16 or BF16
 * @param key (B, Hkv, Skv, D), F32, F16, BF16, or I8 with {@code keyScale}
 * @param value (B, Hkv, Skv, Dv), F32, F16, BF16, or I8 with {@code valueScale}
 * @param output (B, Hq, Sq, Dv), F32, F16 or BF16, written; overlaps no other tensor and not itself
 * @param mask BOOL, true = attend; rank 1 to 4, broadcasts right-aligned to (B, Hq, Sq, Skv)
 * @param bias F32, F16 or BF16, added after softcap, -inf masks; broadcasts like the mask
 * @param alibiSlopes (Hq) or (B, Hq), F32: subtracts slope * |i + offset - j| from a score
 * @param sinks (Hq) or (B, Hq), F32: a logit that joins the softmax's sum and nothing else
 * @param lse (B, Hq, Sq), F32, written: ln of the sum of exp(score), the sink included
 * @param weights (B, Hq, Sq, Skv), F32, written: scores at the stage the attention names
 * @param keyScale with an I8 key and only then: (B, Hkv, Skv), F32, or (B, Hkv, Skv, G) with G
 *     groups of D / G neighbours in each row; element d stands for key[d] * keyScale[d / (D / G)].
 *     {@link Quantization} makes both
 * @param valueScale the same for an I8 value, with Dv
 */
public record AttentionTensors(
    Tensor query,
    Tensor key,
    Tensor value,
    Tensor output,
    @Nullable Tensor mask,
    @Nullable Tensor bias,
    @Nullable Tensor alibiSlopes,
    @Nullable Tensor sinks,
    @Nullable Tensor lse,
    @Nullable Tensor weights,
    @Nullable Tensor keyScale,
    @Nullable Tensor valueScale) {
  /** Checks that the four required tensors are there. */
  public AttentionTensors {
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(output, "output");
  }

  /** The required tensors, without any optional one. */
  public static AttentionTensors of(Tensor query, Tensor key, Tensor value, Tensor output) {
    return new AttentionTensors(
        query, key, value, output, null, null, null, null, null, null, null, null);
  }

  /** These tensors with a boolean mask. */
  public AttentionTensors withMask(@Nullable Tensor newMask) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        newMask,
        bias,
        alibiSlopes,
        sinks,
        lse,
        weights,
        keyScale,
        valueScale);
  }

  /** These tensors with an additive bias. */
  public AttentionTensors withBias(@Nullable Tensor newBias) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        mask,
        newBias,
        alibiSlopes,
        sinks,
        lse,
        weights,
        keyScale,
        valueScale);
  }

  /** These tensors with ALiBi slopes. */
  public AttentionTensors withAlibiSlopes(@Nullable Tensor newAlibiSlopes) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        mask,
        bias,
        newAlibiSlopes,
        sinks,
        lse,
        weights,
        keyScale,
        valueScale);
  }

  /** These tensors with sinks. */
  public AttentionTensors withSinks(@Nullable Tensor newSinks) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        mask,
        bias,
        alibiSlopes,
        newSinks,
        lse,
        weights,
        keyScale,
        valueScale);
  }

  /** These tensors with a log-sum-exp output. */
  public AttentionTensors withLse(@Nullable Tensor newLse) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        mask,
        bias,
        alibiSlopes,
        sinks,
        newLse,
        weights,
        keyScale,
        valueScale);
  }

  /** These tensors with a weights output. */
  public AttentionTensors withWeights(@Nullable Tensor newWeights) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        mask,
        bias,
        alibiSlopes,
        sinks,
        lse,
        newWeights,
        keyScale,
        valueScale);
  }

  /** These tensors with the scale of an I8 key. */
  public AttentionTensors withKeyScale(@Nullable Tensor newKeyScale) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        mask,
        bias,
        alibiSlopes,
        sinks,
        lse,
        weights,
        newKeyScale,
        valueScale);
  }

  /** These tensors with the scale of an I8 value. */
  public AttentionTensors withValueScale(@Nullable Tensor newValueScale) {
    return new AttentionTensors(
        query,
        key,
        value,
        output,
        mask,
        bias,
        alibiSlopes,
        sinks,
        lse,
        weights,
        keyScale,
        newValueScale);
  }
}
