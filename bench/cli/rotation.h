// SPDX-License-Identifier: Apache-2.0
// A rotary embedding with its memory: random rows, a table of angles, several copies where one would stay in the cache.
#ifndef RAPT_BENCH_ROTATION_H
#define RAPT_BENCH_ROTATION_H

#include <rapt/rapt.h>
#include <stddef.h>

#include "check.h"
#include "device.h"

// rotary_dim 0 stands for head_dim.
typedef struct rotation_problem {
  int64_t batch, heads, length, head_dim, rotary_dim;
  // An index of dtype_choices: input and output; angles are f32.
  int dtype;
  int interleaved;
  int in_place;
} rotation_problem;

// Tensors (batch, length, heads, head_dim) in memory, as projections leave them; `copies` of input and output.
typedef struct rotation {
  rapt_rope call;
  // On the host; where the call is in place, output is NULL and input is what it was made from.
  void *input, *output;
  float *cosine, *sine;
  int64_t *positions;
  size_t count, width, table_count;
  int64_t copies, turn;
  const device *on;
  // What runs: on a GPU memory there. In place only `rows` is used.
  void *rows, *result;
  float *cosine_at, *sine_at;
  int64_t *positions_at;
} rotation;

// Rows read and written, and what of the table and the positions belongs to them.
double rotation_bytes(const rotation_problem *p);

// Four products and two sums a pair.
double rotation_flops(const rotation_problem *p);

// Copies that together are well above the last cache; at most 64 and 2 GiB.
int64_t rotation_cold_copies(const rotation_problem *p, const device *on);

// 0 and a line on stderr where memory is short.
int rotation_open(rotation *r, const rotation_problem *p, int64_t copies, const device *on);

void rotation_close(rotation *r);

// Runs the next copy; for stats_time. 0 and a line on stderr on failure.
int rotation_run(void *rotation_state);

// Compares the first copy, run once, with double arithmetic. 0 and a line on stderr where that cannot be made.
int rotation_check(rotation *r, check *out);

#endif
