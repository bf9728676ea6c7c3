/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file rope.h
 * @brief Rotary position embedding.
 */
#ifndef RAPT_ROPE_H
#define RAPT_ROPE_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of rapt_rope.flags. */
enum {
  /** Elements 2i and 2i + 1 form pair i (GPT-J); without it elements i and i + rotary_dim / 2 (GPT-NeoX, Llama). */
  RAPT_ROPE_INTERLEAVED = 1
};

/**
 * Rotates every pair (a, b) among the first rotary_dim elements of a row by the angle of the row's position:
 * a' = cosine * a - sine * b, b' = sine * a + cosine * b; the other elements are copied. ONNX RotaryEmbedding-23;
 * Su et al. 2021, section 3.2.2.
 *
 * f16 and bf16 inputs and angles are widened to f32. Each product is rounded to f32 before the sum, and results are
 * rounded to nearest even, so that all tiers and CUDA give the same bits.
 */
typedef struct rapt_rope {
  rapt_head head;
  /** (batch, heads, length, head_dim), f32, f16 or bf16. */
  rapt_tensor input;
  /** The same shape, f32, f16 or bf16, written. Either the input itself (same data, strides and dtype), or memory that
   * overlaps no input and not itself. */
  rapt_tensor output;
  /**
   * Cosines of the angles, f32, f16 or bf16: with positions (table_length, rotary_dim / 2), without
   * (batch, length, rotary_dim / 2); stride 0 broadcasts.
   */
  rapt_tensor cosine;
  /** The same shape, and strides of its own. */
  rapt_tensor sine;
  /**
   * Optional (batch, length), i32 or i64: the row of cosine and sine for each token, 0 to table_length - 1. On the CPU
   * any other value is RAPT_INVALID_ARGUMENT, before anything is written. On CUDA only the kernel reads positions, and
   * any other value makes that token's output NaN.
   */
  rapt_tensor positions;
  /** Sizes; 0 is allowed for batch and length; head_dim is 1 to 1024. */
  int64_t batch;
  int64_t heads;
  int64_t length;
  int64_t head_dim;
  /** Even, at most head_dim; 0 = head_dim, which then has to be even. */
  int64_t rotary_dim;
  /** With positions: rows of cosine and sine, at least 1; without: 0. */
  int64_t table_length;
  /** Bits of RAPT_ROPE_*. */
  int32_t flags;
  /** 0. */
  int32_t reserved;
} rapt_rope;

/** rapt_plan_call and rapt_run_call for RAPT_ROPE. */
RAPT_API rapt_status rapt_rope_plan(const rapt_context *context, const rapt_rope *call, rapt_plan *plan,
                                    rapt_error *error);
RAPT_API rapt_status rapt_rope_run(rapt_context *context, const rapt_rope *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_ROPE_H */
