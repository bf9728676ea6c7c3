// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/**
 * Which scores a weights output receives: the four stages that {@code qk_matmul_output_mode} of
 * ONNX {@code Attention} (opset 23 and later) numbers. The numbers here are those of onnx 1.22 and
 * ONNX Runtime 1.29; the text of onnx 1.19 to 1.21 had 1 and 2 the other way round.
 */
public enum WeightsStage {
  /** Scale times query times key, for every key, masked or not: mode 0. */
  RAW,
  /** After softcap, for every key, masked or not: mode 1. */
  SOFTCAP,
  /**
   * After bias, ALiBi and masks; -inf where masked: mode 2, in which ONNX Runtime writes a large
   * negative number instead of -inf.
   */
  BIAS,
  /** After softmax, the attention weights; 0 where masked: mode 3. */
  SOFTMAX
}
