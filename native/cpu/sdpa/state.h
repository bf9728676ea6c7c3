// SPDX-License-Identifier: Apache-2.0
// The state of the online softmax (Milakov and Gimelshein 2018) of some query rows: maximum, sum and output over the
// keys so far. It begins empty, is updated with the scores of some keys at a time, and can be merged with the state of
// other keys. Finishing it gives the factors that make its output final, and the LSE.
#ifndef RAPT_CPU_SDPA_STATE_H
#define RAPT_CPU_SDPA_STATE_H

#include <string.h>

#include "base/arena.h"
#include "cpu/kernels/kernels.h"

// How scores and output lie: scores[row * stride + key] and output[row][value_dim] of few rows, or scores[key][lane]
// and output[value_dim][lane] of a panel.
typedef enum rapt_softmax_layout { RAPT_SOFTMAX_ROWS, RAPT_SOFTMAX_PANEL } rapt_softmax_layout;

// One state, or the first of several that follow each other.
typedef struct rapt_softmax {
  rapt_softmax_layout layout;
  // The number of rows with a maximum and a sum, and of those with output.
  int64_t width;
  int64_t rows;
  int64_t value_dim;
  // The running maximum of scores, and the sums of weights and of weighted values relative to it.
  float *maximum;
  float *sum;
  float *output;
} rapt_softmax;

static inline int64_t rapt_softmax_output_size(const rapt_softmax *state) { return state->rows * state->value_dim; }

// Lays `count` states of the shape that *states already has out in the arena.
static inline void rapt_softmax_lay(rapt_arena *arena, int64_t count, rapt_softmax *states) {
  int64_t rows, elements;
  if (__builtin_mul_overflow(count, states->width, &rows) ||
      __builtin_mul_overflow(count, rapt_softmax_output_size(states), &elements)) {
    arena->overflow = 1;
    return;
  }
  states->maximum = rapt_arena_take(arena, rows, sizeof(float));
  states->sum = rapt_arena_take(arena, rows, sizeof(float));
  states->output = rapt_arena_take(arena, elements, sizeof(float));
}

// The n-th of several states.
static inline rapt_softmax rapt_softmax_at(const rapt_softmax *states, int64_t n) {
  rapt_softmax state = *states;
  state.maximum += n * state.width;
  state.sum += n * state.width;
  state.output += n * rapt_softmax_output_size(states);
  return state;
}

// Sets the state to no keys. The output stays as it is: a product may start it.
static inline void rapt_softmax_begin(const rapt_softmax *state) {
  for (int64_t r = 0; r < state->width; r++) {
    state->maximum[r] = -__builtin_inff();
    state->sum[r] = 0;
  }
}
static inline void rapt_softmax_clear_output(const rapt_softmax *state) {
  memset(state->output, 0, (size_t)rapt_softmax_output_size(state) * sizeof(float));
}

// Where the states of one stretch of keys after the other are added up, in double: a float that had taken in millions
// of keys would round every further one to its own last bit.
typedef struct rapt_softmax_total {
  float *maximum;
  double *sum;
  double *output;
} rapt_softmax_total;

// Lays the totals of `count` such states out.
static inline void rapt_softmax_total_lay(rapt_arena *arena, int64_t count, const rapt_softmax *states,
                                          rapt_softmax_total *totals) {
  int64_t rows, elements;
  if (__builtin_mul_overflow(count, states->width, &rows) ||
      __builtin_mul_overflow(count, rapt_softmax_output_size(states), &elements)) {
    arena->overflow = 1;
    return;
  }
  totals->maximum = rapt_arena_take(arena, rows, sizeof(float));
  totals->sum = rapt_arena_take(arena, rows, sizeof(double));
  totals->output = rapt_arena_take(arena, elements, sizeof(double));
}

// The n-th of several totals.
static inline rapt_softmax_total rapt_softmax_total_at(const rapt_softmax_total *totals, const rapt_softmax *states,
                                                       int64_t n) {
  return (rapt_softmax_total){.maximum = totals->maximum + n * states->width,
                              .sum = totals->sum + n * states->width,
                              .output = totals->output + n * rapt_softmax_output_size(states)};
}

// No key yet.
void rapt_softmax_total_begin(const rapt_softmax_total *total, const rapt_softmax *state);

// Adds a state to its total, and empties it but for the maximum, which further keys may go on from. The output is not
// touched: a product may start it.
void rapt_softmax_total_add(const rapt_kernels *kernels, const rapt_softmax_total *total, const rapt_softmax *state,
                            float to_exponent);

// Makes the state what its total has come to.
void rapt_softmax_total_take(const rapt_softmax_total *total, const rapt_softmax *state);

typedef struct rapt_softmax_step {
  int64_t keys;
  // Floats from one row of scores to the next, in layout ROWS.
  int64_t stride;
  float to_exponent;
  // How far above the highest score a maximum is set, in layout PANEL.
  float headroom;
  // Where a value of some key is not finite: room for a flag per score; else NULL. Terms of weight 0 are then left out
  // of the output, since 0 * NaN is NaN. A visible key's weight must therefore not round to 0, or a NaN of its own
  // would be left out too: the smallest subnormal takes the place of such a 0, with which even the largest value adds
  // less than half a millionth.
  unsigned char *visible;
} rapt_softmax_step;

// Turns scores into weights, in place, and adds them to the sums. The caller multiplies the output by correction, one
// per row, before it adds weighted values; returns whether any correction may differ from 1.
int rapt_softmax_update(const rapt_kernels *kernels, const rapt_softmax *state, const rapt_softmax_step *step,
                        float *scores, float *correction);

// Merges `count` states of different keys into the first of them.
void rapt_softmax_merge(const rapt_softmax *states, int64_t count, float to_exponent);

// Copies one state over another of its shape.
void rapt_softmax_copy(const rapt_softmax *from, const rapt_softmax *to);

// Computes for rows 0 .. count the factors that make their outputs final and, where lse is not NULL, the natural
// logarithms of the sums of exp(score * softmax_scale). sinks, a logit per row that joins the sum, may be NULL.
void rapt_softmax_finish(const rapt_softmax *state, int64_t count, float softmax_scale, const float *sinks,
                         float *factor, float *lse);

#endif
