/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file merge.h
 * @brief Merges results of attention over parts of the keys into the result over all keys.
 */
#ifndef RAPT_MERGE_H
#define RAPT_MERGE_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * lse = ln(sum over parts of exp(partial_lse)), output = sum over parts of exp(partial_lse - lse) * partial_output.
 *
 * The partial results are output and lse of rapt_sdpa for some of the keys each; the merged result is what rapt_sdpa
 * gives for all of them at once. Where the attention has sinks, give them to one part only. That part must see a key in
 * every row that sees a key at all, because a row without a key has LSE -inf, sink or not.
 *
 * A part with LSE -inf is empty: its output is not used, whatever it holds. A row whose parts are all empty gives
 * output 0 and LSE -inf. A NaN or +inf among a row's LSEs makes the row NaN; a NaN in the output of a part that is not
 * empty makes its column NaN. Other rows do not change. Weights of the parts are computed in double; the sums are f32,
 * in the order of the parts. Milakov and Gimelshein 2018; Dao et al. 2023 (Flash-Decoding).
 */
typedef struct rapt_merge {
  rapt_head head;
  /** (parts, batch, heads, query_len, value_dim), f32, f16 or bf16. */
  rapt_tensor partial_output;
  /** (parts, batch, heads, query_len), f32. */
  rapt_tensor partial_lse;
  /** (batch, heads, query_len, value_dim), f32, f16 or bf16, written; overlaps no input and not itself. */
  rapt_tensor output;
  /** Optional (batch, heads, query_len), f32, written. */
  rapt_tensor lse;
  /** Sizes; 0 is allowed for parts, batch and query_len; value_dim is 1 to 1024. */
  int64_t parts;
  int64_t batch;
  int64_t heads;
  int64_t query_len;
  int64_t value_dim;
} rapt_merge;

/** rapt_plan_call and rapt_run_call for RAPT_MERGE. */
RAPT_API rapt_status rapt_merge_plan(const rapt_context *context, const rapt_merge *call, rapt_plan *plan,
                                     rapt_error *error);
RAPT_API rapt_status rapt_merge_run(rapt_context *context, const rapt_merge *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_MERGE_H */
