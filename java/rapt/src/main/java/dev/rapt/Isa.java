// SPDX-License-Identifier: Apache-2.0
package dev.rapt;

/** Instruction-set tiers of the CPU kernels, worst to best. */
public enum Isa {
  /** Plain C, any CPU. */
  PORTABLE,
  /** AVX2, FMA and F16C. */
  AVX2,
  /** AVX-512 F, BW, DQ and VL. */
  AVX512,
  /**
   * The same with BF16: other kernels for bf16 queries and keys, and for bf16 input and weights of
   * a projection; the same bits for the rest.
   */
  AVX512BF16
}
