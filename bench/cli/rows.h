// SPDX-License-Identifier: Apache-2.0
// Timing of operations that work element by element or row by row: their memory, their check and their ceilings.
#ifndef RAPT_BENCH_ROWS_H
#define RAPT_BENCH_ROWS_H

#include <rapt/rapt.h>
#include <stddef.h>

#include "device.h"
#include "problem.h"

typedef struct rows_problem {
  int64_t rows, features;
  // An index of dtype_choices: rows in and out; weight and bias are f32.
  int dtype;
  // Whether a second tensor of rows is read.
  int residual;
  // Whether rows stay in a cache, as those do that the operation before has written.
  int cached;
} rows_problem;

// Tensors (1, rows, features), `copies` of them, of which calls take the next one each.
typedef struct rows {
  const rows_problem *problem;
  const device *on;
  // As a call takes them; residual without a type where there is none.
  rapt_tensor input, residual, output, weight, bias;
  // Where the copies begin, and what one has.
  unsigned char *memory[3];
  size_t bytes;
  int64_t copies, turn;
  float *vectors;
} rows;

typedef struct rows_operation {
  const char *name;
  // f32 operations per element, of which a fused multiply-add is two.
  double flops;
  rapt_status (*plan)(const rows *r, rapt_plan *plan, rapt_error *error);
  rapt_status (*run)(const rows *r, rapt_error *error);
  // A row in double.
  void (*expect)(const rows *r, int64_t row, double *out);
  // Fields of the problem, after rows, features and dtype.
  void (*json)(const rows_problem *p);
} rows_operation;

// Element of a row, widened.
double rows_at(const rows *r, const rapt_tensor *t, int64_t row, int64_t feature);

// 0 where the problem is more than memory can hold.
int rows_fit(const rows_problem *p);

// Checks, times and prints. 0 and a line on stderr on failure.
int rows_time(const rows_operation *operation, const rows_problem *p, const bench_settings *settings);

// The options of both commands.
#define ROWS_OPTIONS(p, s)                                                                                               \
  {"rows", "N", "rows, the tokens of a batch (default 4096)", CLI_INTEGER, &(p)->rows, 1, PROBLEM_MAX_SIZE, NULL},       \
      {"dtype", "TYPE",       "storage: f32, f16 or bf16; arithmetic is f32 (default f32)", CLI_CHOICE, &(p)->dtype, -1, \
       0,       dtype_choices},                                                                                          \
      {"cached",                                                                                                         \
       NULL,                                                                                                             \
       "the same rows each time, which stay in a cache if it holds them; else they come from memory",                    \
       CLI_FLAG,                                                                                                         \
       &(p)->cached,                                                                                                     \
       0,                                                                                                                \
       0,                                                                                                                \
       NULL},                                                                                                            \
      {"threads", "N", "threads, 0 = all (default 0)", CLI_INTEGER, &(s)->threads, 0, 1024, NULL},                       \
      {"isa", "TIER",     "auto, portable, avx2, avx512 or avx512bf16 (default auto)", CLI_CHOICE, &(s)->isa, -1,        \
       0,     isa_choices},                                                                                              \
      {"iters", "N", "timed runs (default: about a second's worth)", CLI_INTEGER, &(s)->iters, 1, 10000000, NULL},       \
      {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &(s)->json, 0, 0, NULL}, {                          \
    .name = NULL                                                                                                         \
  }

#endif
