/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file mha.h
 * @brief Multi-head attention with its projections.
 */
#ifndef RAPT_MHA_H
#define RAPT_MHA_H

#include "rapt/base.h"
#include "rapt/linear.h"
#include "rapt/sdpa.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of rapt_mha.mha_flags. */
enum {
  /** Append one key and value of zeros after the projected ones (and after bias_key), visible to every query. */
  RAPT_MHA_ADD_ZERO_ATTENTION = 1,
  /** The weights output is the mean over heads, (batch, query_len, total_len), in strides 0, 2 and 3. */
  RAPT_MHA_AVERAGE_WEIGHTS = 2
};

/**
 * Projects query, key and value, attends, and projects the result, as torch.nn.MultiheadAttention does in inference.
 *
 * head_dim = query_projection.out_features / query_heads = key_projection.out_features / kv_heads;
 * value_dim = value_projection.out_features / kv_heads = output_projection.in_features / query_heads.
 * total_len = kv_len + 1 with bias_key and bias_value, + 1 with RAPT_MHA_ADD_ZERO_ATTENTION; the appended
 * keys are visible to every query whatever masks, causality and window say, and take no bias and no ALiBi. Where input
 * and weights of a projection are both bf16, the tier avx512bf16 takes denormals as 0: see rapt_linear.
 */
typedef struct rapt_mha {
  rapt_head head;
  /** Packed weights, which the caller owns and keeps until the call is over. */
  const rapt_linear_weights *query_projection;
  const rapt_linear_weights *key_projection;
  const rapt_linear_weights *value_projection;
  /** NULL = none: output then holds the heads side by side. */
  const rapt_linear_weights *output_projection;
  /** (batch, query_len, query_projection.in_features), f32, f16 or bf16. */
  rapt_tensor query;
  /** (batch, kv_len, key_projection.in_features), f32, f16 or bf16. */
  rapt_tensor key;
  /** (batch, kv_len, value_projection.in_features), f32, f16 or bf16. */
  rapt_tensor value;
  /** (batch, query_len, output_projection.out_features, or query_heads * value_dim without one), f32, f16 or bf16,
   * written. */
  rapt_tensor output;
  /** Optional (batch, query_heads, query_len, kv_len), bool, true = attend (torch.nn.MultiheadAttention: inverted). */
  rapt_tensor mask;
  /** Optional (batch, query_heads, query_len, kv_len), f32, f16 or bf16, added. */
  rapt_tensor bias;
  /** Optional (batch, kv_len), bool, true = padding, which no query sees, as torch.nn.MultiheadAttention has it. */
  rapt_tensor key_padding_mask;
  /** Optional, both or neither: (kv_heads * head_dim) and (kv_heads * value_dim), f32, f16 or bf16: one more key and
   * value after the projected ones. */
  rapt_tensor bias_key;
  rapt_tensor bias_value;
  /** As in rapt_sdpa. */
  rapt_tensor alibi_slopes;
  rapt_tensor sinks;
  rapt_tensor lse;
  /** Optional (batch, query_heads, query_len, total_len), f32, f16 or bf16, written, as in rapt_sdpa. Their mean over
   * heads is taken in f32, of unrounded weights, and rounded once. */
  rapt_tensor weights;
  /** As in rapt_sdpa. */
  rapt_tensor positions;
  /** Sizes; 0 is allowed for batch, query_len and kv_len. */
  int64_t batch;
  int64_t query_heads;
  int64_t kv_heads;
  int64_t query_len;
  int64_t kv_len;
  rapt_sdpa_options options;
  /** Bits of RAPT_MHA_*. */
  int32_t mha_flags;
  /** 0. */
  int32_t reserved;
} rapt_mha;

/** rapt_plan_call and rapt_run_call for RAPT_MHA. */
RAPT_API rapt_status rapt_mha_plan(const rapt_context *context, const rapt_mha *call, rapt_plan *plan,
                                   rapt_error *error);
RAPT_API rapt_status rapt_mha_run(rapt_context *context, const rapt_mha *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_MHA_H */
