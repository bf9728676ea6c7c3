/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file gelu.h
 * @brief GELU, the activation of BERT and GPT-2 style models.
 */
#ifndef RAPT_GELU_H
#define RAPT_GELU_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * output = input * Phi(input) for each element, with Phi the distribution function of the standard normal:
 * x / 2 * (1 + erf(x / sqrt(2))), the exact form and not its approximation by tanh. Hendrycks and Gimpel 2016.
 *
 * Arithmetic is f32, whatever memory holds. The error is at most 12 * 2^-24 of the exact value, plus 2^-147, plus half
 * a unit of the output's type; so small results left of 0 are as accurate as large ones. -inf gives 0, +inf gives +inf,
 * a NaN stays one. An element's result depends on that element only. CUDA devices do not support this operation.
 */
typedef struct rapt_gelu {
  rapt_head head;
  /** (batch, rows, features), f32, f16 or bf16. */
  rapt_tensor input;
  /** (batch, rows, features), f32, f16 or bf16, written; may be the input, and overlaps it in no other way. */
  rapt_tensor output;
  /** Sizes; 0 is allowed for batch and rows. */
  int64_t batch;
  int64_t rows;
  int64_t features;
} rapt_gelu;

/** rapt_plan_call and rapt_run_call for RAPT_GELU. */
RAPT_API rapt_status rapt_gelu_plan(const rapt_context *context, const rapt_gelu *call, rapt_plan *plan,
                                    rapt_error *error);
RAPT_API rapt_status rapt_gelu_run(rapt_context *context, const rapt_gelu *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_GELU_H */
