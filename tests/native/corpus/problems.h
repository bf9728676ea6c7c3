// SPDX-License-Identifier: Apache-2.0
// The corpus's problems, one struct per operation: what was drawn, and its memory.
//
// No type of rapt.h is in here: a problem follows from its number alone. calls.c turns it into a call.
#ifndef RAPT_TESTS_CORPUS_PROBLEMS_H
#define RAPT_TESTS_CORPUS_PROBLEMS_H

#include "scores.h"

// *_type: element; *_layout: layout. key_groups, value_groups: scales of a row that is int8, else 0. view: see sdpa.c.
// Not formatted, nor are the tables below: clang-format 14 breaks them anew each time.
// clang-format off
#define SDPA_INTEGERS(X)                                                                             \
  X(batch) X(heads) X(kv_heads) X(q_len) X(kv_len) X(head_dim) X(value_dim) X(fill) X(view)          \
  X(query_type) X(key_type) X(value_type) X(output_type) X(query_layout) X(key_layout)               \
  X(value_layout) X(output_layout) X(key_groups) X(value_groups) X(key_scale_bits)                   \
  X(value_scale_bits) X(guard)

// output_width 0 = no output projection. projection_bias: a bit for each of the four. padding: 1 some, 2 a whole batch.
// special: 1 as below, 2 NaN in padded rows.
#define MHA_INTEGERS(X)                                                                              \
  X(batch) X(heads) X(kv_heads) X(q_len) X(kv_len) X(head_dim) X(value_dim) X(query_width)           \
  X(key_width) X(value_width) X(output_width) X(projection_bias) X(bias_kv) X(zero_attention)        \
  X(padding) X(average) X(query_type) X(key_type) X(value_type) X(output_type) X(weight_type)        \
  X(query_layout) X(key_layout) X(value_layout) X(output_layout) X(special) X(guard)

// bias: 0 or its stride, which may be negative. special: infinities, NaN and denormals among the numbers.
#define LINEAR_INTEGERS(X)                                                                           \
  X(batch) X(rows) X(in) X(out) X(bias) X(bias_type) X(weight_type) X(weight_layout) X(input_type)   \
  X(input_layout) X(output_type) X(output_layout) X(special) X(guard)

// table: 0 = angles per token, else rows of the table. positions: their layout.
#define ROPE_INTEGERS(X)                                                                             \
  X(batch) X(heads) X(length) X(head_dim) X(rotary_dim) X(interleaved) X(table) X(positions)         \
  X(in_place) X(input_type) X(input_layout) X(output_type) X(output_layout) X(cosine_type)           \
  X(cosine_layout) X(sine_type) X(sine_layout) X(special) X(guard)
#define GELU_INTEGERS(X)                                                                             \
  X(batch) X(rows) X(features) X(in_place) X(input_type) X(input_layout) X(output_type)              \
  X(output_layout) X(special) X(guard)

// weight, bias: their strides; bias: 0 = none. far: rows around 100.
#define NORM_INTEGERS(X)                                                                             \
  X(batch) X(rows) X(features) X(in_place) X(residual) X(weight) X(bias) X(input_type)               \
  X(input_layout) X(residual_type) X(residual_layout) X(weight_type) X(bias_type) X(output_type)     \
  X(output_layout) X(far) X(special) X(guard)
// clang-format on

typedef struct sdpa_problem {
  SDPA_INTEGERS(CORPUS_FIELD)
  scores scores;
  array query, key, value, output, key_scale, value_scale, packed;
  score_arrays around;
} sdpa_problem;

enum projection { PROJECTION_QUERY, PROJECTION_KEY, PROJECTION_VALUE, PROJECTION_OUTPUT, PROJECTIONS };

typedef struct mha_problem {
  MHA_INTEGERS(CORPUS_FIELD)
  scores scores;
  array query, key, value, output, padding_mask, bias_key, bias_value;
  array weight[PROJECTIONS], weight_bias[PROJECTIONS];
  score_arrays around;
} mha_problem;

typedef struct linear_problem {
  LINEAR_INTEGERS(CORPUS_FIELD)
  array weight, bias_vector, input, output;
} linear_problem;

typedef struct rope_problem {
  ROPE_INTEGERS(CORPUS_FIELD)
  // before: the input as it was, where the output takes its place.
  array input, output, cosine, sine, position, before;
} rope_problem;

typedef struct gelu_problem {
  GELU_INTEGERS(CORPUS_FIELD)
  array input, output, before;
} gelu_problem;

typedef struct norm_problem {
  NORM_INTEGERS(CORPUS_FIELD)
  float epsilon;
  array input, added, weights, biases, output, before;
} norm_problem;

// Draws the problem, places and fills its memory; what was there of an earlier one is used again.
void sdpa_build(random_state *r, sdpa_problem *p);
void mha_build(random_state *r, mha_problem *p);
void linear_build(random_state *r, linear_problem *p);
void rope_build(random_state *r, rope_problem *p);
void gelu_build(random_state *r, gelu_problem *p);
void norm_build(random_state *r, norm_problem *p);

void sdpa_print(FILE *to, const sdpa_problem *p);
void mha_print(FILE *to, const mha_problem *p);
void linear_print(FILE *to, const linear_problem *p);
void rope_print(FILE *to, const rope_problem *p);
void gelu_print(FILE *to, const gelu_problem *p);
void norm_print(FILE *to, const norm_problem *p);

// Gives all outputs the contents from before the first run.
void sdpa_reset(sdpa_problem *p);
void mha_reset(mha_problem *p);
void linear_reset(linear_problem *p);
void rope_reset(rope_problem *p);
void gelu_reset(gelu_problem *p);
void norm_reset(norm_problem *p);

// The hash of all outputs' memory, gaps included.
uint64_t sdpa_hash(const sdpa_problem *p);
uint64_t mha_hash(const mha_problem *p);
uint64_t linear_hash(const linear_problem *p);
uint64_t rope_hash(const rope_problem *p);
uint64_t gelu_hash(const gelu_problem *p);
uint64_t norm_hash(const norm_problem *p);

// A number in [-3, 3), or now and then one that is infinite, NaN, a zero, denormal or huge.
float draw_special(random_state *r, int64_t special);

// Features of a row of an operation that works element by element or row by row.
int64_t draw_row_features(random_state *r);

// Numbers like those, around a middle.
void fill_rows(random_state *r, array *a, float middle, int64_t special);

#endif
