// SPDX-License-Identifier: Apache-2.0
// A batch whose samples have sizes of their own: the same numbers as one call for all samples, dense, ragged or paged,
// and as a call for each sample alone.
#ifndef RAPT_TESTS_SDPA_SAMPLES_CASE_H
#define RAPT_TESTS_SDPA_SAMPLES_CASE_H

#include <rapt/rapt.h>

#include "support/guard.h"

enum { MOST_SAMPLES = 6 };

enum keys_form {
  // (batch, kv_heads, kv_len, ...), with key_lengths.
  KEYS_DENSE,
  // (1, kv_heads, total_keys, ...), with key_starts.
  KEYS_RAGGED,
  // The same with key_lengths, and tokens behind them.
  KEYS_SHORTENED,
  // (pages, kv_heads, page_size, ...), with page_table and key_lengths.
  KEYS_PAGED,
  KEYS_FORMS
};

typedef struct samples_case {
  uint64_t seed;
  int64_t batch, heads, kv_heads, head_dim, value_dim;
  int64_t queries[MOST_SAMPLES], keys[MOST_SAMPLES];
  int32_t query_type, key_type, value_type, output_type, index_type;
  int64_t key_groups, value_groups;
  // RAPT_CAUSAL and so on; the window is 9 keys to the left and 3 to the right.
  int32_t flags;
  // Where queries stand: options.position, RAPT_BOTTOM_RIGHT or positions.
  int placed;
  int mask, bias, alibi, sinks, lse;
  float softcap;
  // -1 or the stage.
  int32_t weights;
  int ragged_queries;
  enum keys_form form;
  int64_t page_size;
  // Whether tokens come before heads in memory, and pages in an order of their own.
  int by_token, shuffled;
  // Whether K and V take turns in one allocation; of one type.
  int together;
} samples_case;

typedef struct samples_memory {
  guard_buffer query, key, value, key_scale, value_scale, output, mask, bias, slopes, sinks, lse, weights, positions;
  guard_buffer lengths, query_starts, key_starts, table, scratch;
  // Of the tensors that are written.
  size_t output_bytes, lse_bytes, weights_bytes;
} samples_memory;

// The call for all samples, with memory that ends where its last used element does.
void samples_place(const samples_case *c, samples_memory *m, rapt_sdpa *call);

// The call for sample b alone, without any of the operands for batches.
void samples_place_alone(const samples_case *c, int64_t b, samples_memory *m, rapt_sdpa *call);

// The rows of one result of sample b in a call that `samples_place` made; d counts elements behind the row's first.
const unsigned char *samples_row(const samples_case *c, const rapt_tensor *t, int64_t b, int64_t h, int64_t i);

void samples_print(const samples_case *c, char *text, size_t size);

#endif
