// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention, checked: what every device starts from.
#ifndef RAPT_OPS_SDPA_PROBLEM_H
#define RAPT_OPS_SDPA_PROBLEM_H

#include "base/tensor.h"
#include "call/operation.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const rapt_operation rapt_operation_sdpa;

// A checked call, with what multi-head attention adds to it.
typedef struct rapt_sdpa_problem {
  rapt_sdpa call;
  // Keys at the end of key and value, inside kv_len, that are visible to every row: masks, bias, causality, window and
  // ALiBi cover only the first kv_len - appended_keys.
  int64_t appended_keys;
  // (batch, kv_len - appended_keys), bool, true = ignored.
  rapt_tensor key_padding;
  // Derived.
  int64_t group;
  int64_t rows;
  // Where the call is a slice of a longer one: the index of its first query there.
  int64_t first_query;
  // Where the call is one sample of a batch: the keys that it has fewer than the batch's kv_len. A row of its weights
  // output has room for them.
  int64_t missing_keys;
  // The scale is applied once: by the softmax (softmax_scale, > 0) where nothing else happens to the scores before it,
  // otherwise to the dot products (score_scale). The other factor is 1, except for scales near FLT_MAX.
  float score_scale;
  float softmax_scale;
  // softmax_scale * log2(e): from a difference of scores to an exponent of 2.
  float to_exponent;
} rapt_sdpa_problem;

// Whether samples have sizes of their own, which stand in tensors.
static inline int rapt_sdpa_varies(const rapt_sdpa *call) {
  return (call->key_lengths.dtype | call->query_starts.dtype | call->key_starts.dtype | call->page_table.dtype) != 0;
}

// Sets the derived fields from `call`. Callers inside the library, whose tensors need no check, use it too.
void rapt_sdpa_derive(rapt_sdpa_problem *problem);

// Checks the options alone, for operations that contain attention; `positions` is the operation's.
rapt_status rapt_sdpa_check_options(const rapt_sdpa_options *options, const rapt_tensor *positions, rapt_error *error);

// Turns RAPT_BOTTOM_RIGHT into the position that it stands for.
void rapt_sdpa_place_options(rapt_sdpa_options *options, int64_t query_len, int64_t kv_len);

// Checks that query_heads is a multiple of kv_heads.
rapt_status rapt_sdpa_check_heads(int64_t query_heads, int64_t kv_heads, rapt_error *error);

// Checks that an i8 tensor `of`, whose rows hold `depth` elements, has a scale `name` and that no other has one.
// *groups is 1 where the caller left it at 0.
rapt_status rapt_sdpa_check_scale(const char *name, const char *of, const rapt_tensor *quantised,
                                  const rapt_tensor *scale, int64_t depth, int64_t *groups, rapt_error *error);

// The fields of options, for the layout report of a struct that contains them.
#define RAPT_SDPA_OPTIONS_FIELDS(type)                                                                        \
  {"options", offsetof(type, options)}, {"options.position", offsetof(type, options.position)},               \
      {"options.window_left", offsetof(type, options.window_left)},                                           \
      {"options.window_right", offsetof(type, options.window_right)},                                         \
      {"options.scale", offsetof(type, options.scale)}, {"options.softcap", offsetof(type, options.softcap)}, \
      {"options.flags", offsetof(type, options.flags)},                                                       \
      {"options.weights_stage", offsetof(type, options.weights_stage)}, {                                     \
    "options.reserved", offsetof(type, options.reserved)                                                      \
  }

#ifdef __cplusplus
}
#endif

#endif
