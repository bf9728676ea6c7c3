// SPDX-License-Identifier: Apache-2.0
// The attention problem a benchmark runs: shape, masks, how much work and memory traffic it is.
#ifndef RAPT_BENCH_PROBLEM_H
#define RAPT_BENCH_PROBLEM_H

#include <rapt/rapt.h>
#include <stdint.h>
#include <stdio.h>

#include "cli.h"

enum problem_causal { CAUSAL_NONE = 0, CAUSAL_BOTTOM_RIGHT = 1, CAUSAL_TOP_LEFT = 2 };

// Zero in kv_heads, kv_len or value_dim stands for heads, q_len or head_dim until problem_resolve.
typedef struct bench_problem {
  int64_t batch, heads, kv_heads, q_len, kv_len, head_dim, value_dim;
  // enum problem_causal.
  int causal;
  // Left and right; -1, -1 = no window.
  int64_t window[2];
  // Storage of query, key, value and output: an index of dtype_choices.
  int dtype;
  // Storage of key and value: an index of kv_dtype_choices, whose first entry stands for dtype.
  int kv_dtype;
} bench_problem;

// What every timing command takes besides the problem.
typedef struct bench_settings {
  const char *preset;
  int64_t threads;
  // RAPT_ISA_*.
  int isa;
  // 0 = as many as fit in about a second.
  int64_t iters;
  int json;
} bench_settings;

// A named problem.
typedef struct bench_preset {
  const char *name;
  const char *what;
  bench_problem problem;
} bench_preset;

// Ends with an entry whose name is NULL.
extern const bench_preset bench_presets[];

// The names of tiers and types for cli_option.choices, and what the types are.
extern const char *const isa_choices[];
extern const char *const dtype_choices[];
extern const char *const kv_dtype_choices[];
extern const int32_t dtype_values[];
extern const char *const causal_choices[];

// The largest dimension the command line takes.
#define PROBLEM_MAX_SIZE (INT64_C(1) << 24)

// Table entries for the options of a problem and of settings, to be put into a command's table, comma included.
// clang-format off
#define PROBLEM_OPTIONS(p)                                                                                            \
  {"batch", "N", "sequences (default 1)", CLI_INTEGER, &(p)->batch, 1, PROBLEM_MAX_SIZE, NULL},                       \
  {"heads", "N", "query heads", CLI_INTEGER, &(p)->heads, 1, PROBLEM_MAX_SIZE, NULL},                                 \
  {"kv-heads", "N", "key and value heads (default: as --heads)", CLI_INTEGER, &(p)->kv_heads, 1, PROBLEM_MAX_SIZE,    \
   NULL},                                                                                                             \
  {"q-len", "N", "queries per sequence", CLI_INTEGER, &(p)->q_len, 1, PROBLEM_MAX_SIZE, NULL},                        \
  {"kv-len", "N", "keys per sequence (default: as --q-len)", CLI_INTEGER, &(p)->kv_len, 1, PROBLEM_MAX_SIZE, NULL},   \
  {"head-dim", "N", "width of a query and key head", CLI_INTEGER, &(p)->head_dim, 1, 1024, NULL},                     \
  {"value-dim", "N", "width of a value head (default: as --head-dim)", CLI_INTEGER, &(p)->value_dim, 1, 1024, NULL},  \
  {"dtype", "TYPE", "storage: f32, f16 or bf16; arithmetic is f32 (default f32)", CLI_CHOICE, &(p)->dtype, -1, 0,     \
   dtype_choices},                                                                                                    \
  {"causal", "ALIGN", "bottom-right (the default with a bare --causal), top-left or none", CLI_CHOICE, &(p)->causal,  \
   CAUSAL_BOTTOM_RIGHT, 0, causal_choices},                                                                           \
  {"window", "L,R", "keys to the left and right that a query sees, -1 = all; bottom-right", CLI_PAIR, (p)->window,   \
   -1, PROBLEM_MAX_SIZE, NULL},
#define SETTINGS_OPTIONS(s)                                                                                           \
  {"threads", "N", "threads, 0 = all (default 0)", CLI_INTEGER, &(s)->threads, 0, 1024, NULL},                        \
  {"isa", "TIER", "auto, portable, avx2, avx512 or avx512bf16 (default auto)", CLI_CHOICE, &(s)->isa, -1, 0, isa_choices},        \
  {"iters", "N", "timed runs (default: about a second's worth)", CLI_INTEGER, &(s)->iters, 1, 10000000, NULL},        \
  {"preset", "NAME", "start from a problem that 'rapt-bench presets' lists", CLI_TEXT, &(s)->preset, 0, 0, NULL},     \
  {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &(s)->json, 0, 0, NULL},
// clang-format on

// Parses a command that holds PROBLEM_OPTIONS(p) and SETTINGS_OPTIONS(s): the preset first (initial without one), then
// what the command line changes, then the defaults that depend on other sizes, checked.
enum cli_outcome problem_parse(const cli_command *command, int argc, char **argv, const bench_problem *initial,
                               bench_problem *p, bench_settings *s);

// Fills in what is zero; 0 where head counts do not divide or an element count exceeds what memory can hold.
int problem_resolve(bench_problem *p);

// The storage type, RAPT_F32 and so on.
int32_t problem_dtype(const bench_problem *p);

// That of key and value. With RAPT_I8 every row has one scale.
int32_t problem_kv_dtype(const bench_problem *p);

// Bytes of one row of key and one of value, scales included.
double problem_row_bytes(const bench_problem *p);

// Sizes and options as a call without tensors.
rapt_sdpa problem_call(const bench_problem *p);

// Visible (query, key) pairs over all batches and heads.
double problem_pairs(const bench_problem *p);

// 2 * pairs * (head_dim + value_dim).
double problem_flops(const bench_problem *p);

// query, visible keys and values read once, output written once.
double problem_bytes(const bench_problem *p);

// "B1 H32/8 Sq1 Skv4096 D128 causal".
void problem_describe(const bench_problem *p, char *text, size_t size);

#endif
