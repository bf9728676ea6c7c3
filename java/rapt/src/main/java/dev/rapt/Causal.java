// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** Where causal masking aligns query 0; key j is visible to query i where j &lt;= i + offset. */
public enum Causal {
  /** Every key is visible. */
  NONE,
  /** Offset 0: PyTorch, and ONNX without a cache. */
  TOP_LEFT,
  /** Offset Skv - Sq: the last query sees every key, as in FlashAttention 2.1 and newer. */
  BOTTOM_RIGHT
}
