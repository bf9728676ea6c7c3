/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file norm.h
 * @brief Layer normalisation, with a residual that is added first.
 */
#ifndef RAPT_NORM_H
#define RAPT_NORM_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * s = input + residual, output = (s - mean(s)) / sqrt(variance(s) + epsilon) * weight + bias, for each row.
 *
 * Mean and variance are those of the row's features; the variance is the mean square of s - mean(s). Arithmetic is f32,
 * sums of more than 1024 features go on in double. Squares of s - mean(s) must be below 2^128 / 1024. A NaN or an
 * infinity makes its row NaN; other rows do not change. CUDA devices do not support this operation. Ba, Kiros and
 * Hinton 2016.
 */
typedef struct rapt_norm {
  rapt_head head;
  /** (batch, rows, features), f32, f16 or bf16. */
  rapt_tensor input;
  /** Optional (batch, rows, features), f32, f16 or bf16. */
  rapt_tensor residual;
  /** (features), f32, f16 or bf16. */
  rapt_tensor weight;
  /** Optional (features), f32, f16 or bf16; absent = 0. */
  rapt_tensor bias;
  /** (batch, rows, features), f32, f16 or bf16, written; may be the input, and overlaps no input in any other way. */
  rapt_tensor output;
  /** Sizes; 0 is allowed for batch and rows. */
  int64_t batch;
  int64_t rows;
  int64_t features;
  /** Positive and finite; 0 = 1e-5. */
  float epsilon;
  /** 0. */
  int32_t reserved;
} rapt_norm;

/** rapt_plan_call and rapt_run_call for RAPT_NORM. */
RAPT_API rapt_status rapt_norm_plan(const rapt_context *context, const rapt_norm *call, rapt_plan *plan,
                                    rapt_error *error);
RAPT_API rapt_status rapt_norm_run(rapt_context *context, const rapt_norm *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_NORM_H */
