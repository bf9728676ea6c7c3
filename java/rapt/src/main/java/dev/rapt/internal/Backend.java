// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal;

import dev.rapt.Plan;
import dev.rapt.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Where calls run. Arguments are validated before they get here; a masked-out or broadcast
 * dimension is still as the caller gave it. Thread-safe except for {@link #close()}, which nothing
 * may overlap.
 *
 * <p>Tensors come one by one and not as a record, so that a call allocates nothing.
 */
public interface Backend {
  /** Runs attention. */
  void attention(
      AttentionOptions options,
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
      @Nullable Tensor valueScale);

  /** What {@link #attention} would do; without an output, for a contiguous one. */
  Plan attentionPlan(
      AttentionOptions options,
      Tensor query,
      Tensor key,
      Tensor value,
      @Nullable Tensor output,
      @Nullable Tensor mask,
      @Nullable Tensor bias,
      @Nullable Tensor alibiSlopes,
      @Nullable Tensor sinks,
      @Nullable Tensor lse,
      @Nullable Tensor weights,
      @Nullable Tensor keyScale,
      @Nullable Tensor valueScale);

  /** Packs a weight (out, in) and an optional bias (out). */
  Projection projection(Tensor weight, @Nullable Tensor bias);

  /** (..., in) to (..., out) of rank 2 or 3. */
  void linear(Projection projection, Tensor input, Tensor output);

  /** What {@link #linear} would do. */
  Plan linearPlan(Projection projection, Tensor input, Tensor output);

  /** Runs multi-head attention; query, key, value and output are all of rank 2 or all of rank 3. */
  void multiHead(
      MultiHeadModel model,
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
      @Nullable Tensor weights);

  /** What {@link #multiHead} would do. */
  Plan multiHeadPlan(
      MultiHeadModel model,
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
      @Nullable Tensor weights);

  /** Turns pairs by the angles of their positions; output may be input itself. */
  void rotary(
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output);

  /** What {@link #rotary} would do. */
  Plan rotaryPlan(
      RotaryOptions options,
      Tensor input,
      Tensor cosine,
      Tensor sine,
      @Nullable Tensor positions,
      Tensor output);

  /** Frees everything. */
  void close();
}
