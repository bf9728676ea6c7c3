/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file append.h
 * @brief Appending keys and values to a cache.
 */
#ifndef RAPT_APPEND_H
#define RAPT_APPEND_H

#include "rapt/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Writes the keys and values of new tokens to the slots of a cache, in one pass: keys are turned by rotary embedding
 * first, and so are queries, in place.
 *
 * A cache is a pool of pages, and slot s is row s % page_size of page s / page_size; a cache without pages is one page
 * per sample, as long as the sample may grow. Strides decide where heads and rows of a page lie, so that any layout of
 * a page will do, and K and V of many layers may share one. Rows of the cache that no slot names stay as they are.
 *
 * Arithmetic is f32, as in rope.h, and a result is rounded once, to nearest even, to the type it is stored in. An i8
 * row is quantised by groups of neighbours: scale = largest magnitude / 127, and each element is the integer nearest to
 * its quotient by the scale, in f32. The scale is 0 where all of a group is, and NaN where an element is not finite. A
 * scale of which there is no f32 near the quotient is rounded so that an element stays finite and within reach.
 */
typedef struct rapt_append {
  rapt_head head;
  /** (batch, kv_heads, length, head_dim), f32, f16 or bf16. */
  rapt_tensor key;
  /** (batch, kv_heads, length, value_dim), f32, f16 or bf16. */
  rapt_tensor value;
  /**
   * (batch, length), i32 or i64: the slot of each token, or -1 for a token that is left out. Any other value outside 0
   * to pages * page_size - 1, and a slot that two tokens have, is RAPT_INVALID_ARGUMENT, before anything is written.
   */
  rapt_tensor slots;
  /** (pages, kv_heads, page_size, head_dim), f32, f16, bf16, or i8 with key_scale, written. */
  rapt_tensor key_cache;
  /** With an i8 key_cache, and only then: (pages, kv_heads, page_size, key_scale_groups), f32, written. */
  rapt_tensor key_scale;
  /** (pages, kv_heads, page_size, value_dim), f32, f16, bf16, or i8 with value_scale, written. */
  rapt_tensor value_cache;
  /** The same for an i8 value_cache: (pages, kv_heads, page_size, value_scale_groups), f32, written. */
  rapt_tensor value_scale;
  /** Optional (batch, query_heads, length, head_dim), f32, f16 or bf16, turned in place, of left-out tokens too;
   * without cosines it stays as it is. */
  rapt_tensor query;
  /**
   * Optional, both or none; without them nothing is turned. Cosines and sines of the angles, f32, f16 or bf16: with
   * positions (table_length, rotary_dim / 2), without (batch, length, rotary_dim / 2); stride 0 broadcasts.
   */
  rapt_tensor cosine;
  rapt_tensor sine;
  /** Optional (batch, length), i32 or i64: the row of cosine and sine for each token, 0 to table_length - 1; any other
   * value is RAPT_INVALID_ARGUMENT, before anything is written. */
  rapt_tensor positions;
  /** Sizes; 0 is allowed for batch and length; head dims are 1 to 1024. */
  int64_t batch;
  int64_t kv_heads;
  int64_t length;
  int64_t head_dim;
  int64_t value_dim;
  int64_t pages;
  int64_t page_size;
  /** With a query: its heads, at least 1; without one it is not looked at. */
  int64_t query_heads;
  /** Groups in a row of key_scale, a divisor of head_dim, and of value_scale, a divisor of value_dim; 0 counts as 1.
   * Both are 0 where the scale is absent. */
  int64_t key_scale_groups;
  int64_t value_scale_groups;
  /** With cosines: even, at most head_dim; 0 = head_dim, which then has to be even. Without: 0. */
  int64_t rotary_dim;
  /** With positions: rows of cosine and sine, at least 1; without: 0. */
  int64_t table_length;
  /** Bits of RAPT_ROPE_*. */
  int32_t flags;
  /** 0. */
  int32_t reserved;
} rapt_append;

/** rapt_plan_call and rapt_run_call for RAPT_APPEND. */
RAPT_API rapt_status rapt_append_plan(const rapt_context *context, const rapt_append *call, rapt_plan *plan,
                                      rapt_error *error);
RAPT_API rapt_status rapt_append_run(rapt_context *context, const rapt_append *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif /* RAPT_APPEND_H */
