// SPDX-License-Identifier: Apache-2.0
// What stands between scores and weights, the same for attention and multi-head attention.
#ifndef RAPT_TESTS_CORPUS_SCORES_H
#define RAPT_TESTS_CORPUS_SCORES_H

#include <stdio.h>

#include "array.h"

enum mask_fill { MASK_RANDOM, MASK_ALL_FALSE, MASK_ALL_TRUE, MASK_ROWS, MASK_SPARSE, MASK_BLOCKS, MASK_FILLS };
enum bias_fill {
  BIAS_UNIFORM,
  BIAS_SOME_INFINITE,
  BIAS_ROWS_INFINITE,
  // NaN where the key is not visible.
  BIAS_NAN_WHERE_HIDDEN,
  BIAS_VERY_NEGATIVE,
  BIAS_FILLS
};

// mask and bias: -1 = absent, else the bits of array_place_broadcast; *_gap as there. alibi and sinks: 0 = absent, else
// one more than these bits. stage: -1 = no weights output. Not formatted: clang-format 14 breaks this table anew each
// time.
// clang-format off
#define SCORES_INTEGERS(X)                                                                           \
  X(causal) X(offset) X(window) X(window_left) X(window_right) X(scaled) X(mask) X(mask_fill)        \
  X(mask_gap) X(bias) X(bias_fill) X(bias_gap) X(bias_type) X(alibi) X(sinks) X(lse) X(lse_gap)      \
  X(stage) X(weights_gap)
// clang-format on

#define CORPUS_FIELD(name) int64_t name;
#define CORPUS_PRINT(name) \
  if (p->name != 0) fprintf(to, " %s=%lld", #name, (long long)p->name);

typedef struct scores {
  SCORES_INTEGERS(CORPUS_FIELD)
  float scale, softcap;
} scores;

typedef struct score_arrays {
  array mask, bias, slopes, sinks, lse, weights;
} score_arrays;

// (batch, query heads, queries, keys); keys that weights have beyond these; weights averaged over heads; guard side.
typedef struct score_shape {
  int64_t size[4];
  int64_t more_keys;
  int averaged;
  int side;
} score_shape;

element draw_float(random_state *r);

void scores_draw(random_state *r, int64_t queries, int64_t keys, scores *s);
void scores_print(FILE *to, const scores *s);

// Places all, fills the inputs.
void scores_build(const scores *s, const score_shape *shape, random_state *r, score_arrays *a);

// Whether key j takes part in the result of query i.
int scores_visible(const scores *s, const score_arrays *a, const int64_t at[4]);

// One of the values of a table.
#define PICK(r, table) ((table)[random_between(r, 0, (int64_t)(sizeof(table) / sizeof(table)[0]) - 1)])

#endif
