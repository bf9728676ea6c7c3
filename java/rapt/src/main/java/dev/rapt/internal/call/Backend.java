// SPDX-License-Identifier: Apache-2.0
package dev.rapt.internal.call;

import dev.rapt.InputQuantization;
import dev.rapt.Plan;
import dev.rapt.QuantizedMatrix;
import dev.rapt.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Where calls run. What gets here is checked. Thread-safe except for {@link #close()}, which
 * nothing may overlap.
 */
public interface Backend {
  /** Runs a call. */
  void run(CallFrame call);

  /** What {@link #run} would do. */
  Plan plan(CallFrame call);

  /** Packs a weight (out, in) and an optional bias (out). */
  PackedWeights pack(Tensor weight, @Nullable Tensor bias);

  /** The same for quantised weights. */
  PackedWeights pack(QuantizedMatrix weight, @Nullable Tensor bias, InputQuantization input);

  /** Frees everything. */
  void close();
}
