// SPDX-License-Identifier: Apache-2.0
// A problem with its memory: random inputs, several copies where one would stay in the cache, keys in pages if asked
// for.
#ifndef RAPT_BENCH_WORKLOAD_H
#define RAPT_BENCH_WORKLOAD_H

#include <rapt/rapt.h>
#include <stddef.h>

#include "device.h"
#include "problem.h"

// Contiguous BHSD tensors, or key and value as pages; those exist `copies` times.
typedef struct workload {
  rapt_sdpa call;
  void *query, *key, *value, *output;
  // Where key and value are i8: the scale of each row, keys first; exists `copies` times too.
  float *scale;
  size_t query_count, key_count, value_count, output_count, scale_count;
  // Of paged keys, else NULL: the pages of each sample, and the keys it has.
  int32_t *page_table, *key_lengths;
  // Bytes of one element, of query and output and of key and value.
  size_t width, kv_width;
  int64_t copies;
  int64_t turn;
  const device *on;
  // On a GPU: the same tensors there; else NULL.
  void *remote_query, *remote_key, *remote_value, *remote_output, *remote_scale;
  void *remote_table, *remote_lengths;
} workload;

// 0 and a line on stderr where memory is short. Every copy holds the same numbers.
int workload_open(workload *w, const bench_problem *p, int64_t copies);

// Makes key and value pages of so many rows, (pages, heads, rows, dim), which divide the problem's keys; the pages of a
// sample are in random order. Before workload_place. 0 and a line on stderr where memory is short.
int workload_page(workload *w, int64_t page_size);

void workload_close(workload *w);

// The problem's copies of key and value that together are eight times the last cache; at most 1024 and 2 GiB.
int64_t workload_cold_copies(const bench_problem *p, const device *on);

// Sets w->on and brings the tensors to it where it is a GPU. 0 and a line on stderr where that fails.
int workload_place(workload *w, const device *on);

// Brings the output back from a GPU.
int workload_fetch(workload *w);

// Runs the next copy on w->on; for stats_time. 0 and a line on stderr on failure.
int workload_run(void *workload_state);

#endif
