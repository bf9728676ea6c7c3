// SPDX-License-Identifier: Apache-2.0
package dev.rapt.stress.call;

import dev.rapt.Place;
import dev.rapt.Plan;
import dev.rapt.Tensor;
import java.util.Map;

/** An operation with its options and, where it has any, its weights. Thread-safe. */
public interface Layer extends AutoCloseable {
  /** Runs a call on tensors by name. */
  void run(Place place, Map<String, Tensor> tensors);

  /** What the call would do. */
  Plan plan(Place place, Map<String, Tensor> tensors);

  /** Frees the weights. */
  @Override
  default void close() {}
}
