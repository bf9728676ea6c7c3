// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one {@link MultiHeadAttention} call, all in the memory of its device. Each has its
 * own element type. Unbatched, every shape loses its B.
 *
 * @param query (B, Sq, Eq), F32, F16 or BF16
 * @param key (B, Skv, Ek), F32, F16 or BF16
 * @param value (B, Skv, Ev), F32, F16 or BF16
 * @param output (B, Sq, E), F32, F16 or BF16, written; overlaps no other tensor and not itself
 * @param mask BOOL, true = attend; rank 1 to 4, broadcasts right-aligned to (B, Hq, Sq, Skv)
 * @param bias F32, F16 or BF16, added after softcap, -inf masks; broadcasts like the mask
 * @param keyPaddingMask (B, Skv), BOOL, true = padding, ignored
 * @param alibiSlopes (Hq) or (B, Hq), F32: subtracts slope * |i + offset - j| from a score
 * @param sinks (Hq) or (B, Hq), F32: a logit that joins the softmax's sum and nothing else
 * @param lse (B, Hq, Sq), F32, written: ln of the sum of exp(score), the sink included
 * @param weights (B, Hq, Sq, T), or (B, Sq, T) averaged, F32, written; T = Skv + appended keys
 */
public record MultiHeadAttentionTensors(
    Tensor query,
    Tensor key,
    Tensor value,
    Tensor output,
    @Nullable Tensor mask,
    @Nullable Tensor bias,
    @Nullable Tensor keyPaddingMask,
    @Nullable Tensor alibiSlopes,
    @Nullable Tensor sinks,
    @Nullable Tensor lse,
    @Nullable Tensor weights) {
  /** Checks that the four required tensors are there. */
  public MultiHeadAttentionTensors {
    Objects.requireNonNull(query, "query");
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(value, "value");
    Objects.requireNonNull(output, "output");
  }

  /** The required tensors, without any optional one. */
  public static MultiHeadAttentionTensors of(
      Tensor query, Tensor key, Tensor value, Tensor output) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, null, null, null, null, null, null, null);
  }

  /** These tensors with a boolean mask. */
  public MultiHeadAttentionTensors withMask(@Nullable Tensor newMask) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, newMask, bias, keyPaddingMask, alibiSlopes, sinks, lse, weights);
  }

  /** These tensors with an additive bias. */
  public MultiHeadAttentionTensors withBias(@Nullable Tensor newBias) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, mask, newBias, keyPaddingMask, alibiSlopes, sinks, lse, weights);
  }

  /** These tensors with a key padding mask. */
  public MultiHeadAttentionTensors withKeyPaddingMask(@Nullable Tensor newKeyPaddingMask) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, mask, bias, newKeyPaddingMask, alibiSlopes, sinks, lse, weights);
  }

  /** These tensors with ALiBi slopes. */
  public MultiHeadAttentionTensors withAlibiSlopes(@Nullable Tensor newAlibiSlopes) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, mask, bias, keyPaddingMask, newAlibiSlopes, sinks, lse, weights);
  }

  /** These tensors with sinks. */
  public MultiHeadAttentionTensors withSinks(@Nullable Tensor newSinks) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, mask, bias, keyPaddingMask, alibiSlopes, newSinks, lse, weights);
  }

  /** These tensors with a log-sum-exp output. */
  public MultiHeadAttentionTensors withLse(@Nullable Tensor newLse) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, mask, bias, keyPaddingMask, alibiSlopes, sinks, newLse, weights);
  }

  /** These tensors with a weights output. */
  public MultiHeadAttentionTensors withWeights(@Nullable Tensor newWeights) {
    return new MultiHeadAttentionTensors(
        query, key, value, output, mask, bias, keyPaddingMask, alibiSlopes, sinks, lse, newWeights);
  }
}
