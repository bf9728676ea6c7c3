// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** Which scores a weights output receives: the four stages ONNX {@code Attention} names. */
public enum WeightsStage {
  /** Scale times query times key, for every key, masked or not. */
  RAW,
  /** After softcap, for every key, masked or not. */
  SOFTCAP,
  /** After bias, ALiBi and masks; -inf where masked. */
  BIAS,
  /** After softmax: the attention weights; 0 where masked. */
  SOFTMAX
}
