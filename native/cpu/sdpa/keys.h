// SPDX-License-Identifier: Apache-2.0
// Where keys and values come from. A source has the rows of one (batch, kv head) by key position and returns them as
// runs: rows with one stride between them. A strided tensor is one run, and so are a ragged one's rows of a sample;
// paged keys are a run for every page, or for several that follow each other in memory. Kernels work on runs, so that
// another form of storage (a ring) needs another source only.
#ifndef RAPT_CPU_SDPA_KEYS_H
#define RAPT_CPU_SDPA_KEYS_H

#include "base/arithmetic.h"
#include "base/tensor.h"
#include "cpu/engine/prefetch.h"
#include "cpu/kernels/kernels.h"
#include "ops/sdpa/problem.h"

typedef struct rapt_kv_source {
  const rapt_tensor *rows;
  // The scales of i8 rows, `groups` for each row.
  const rapt_tensor *scale;
  int64_t groups;
  int64_t batch;
  int64_t kv_head;
  // The number of rows, and of elements in each.
  int64_t length;
  int64_t depth;
  int32_t dtype;
  // Elements from one element of a row to the next.
  int64_t element_stride;
  // Of paged keys: the sample's row of the page table, else NULL; the number of pages, and the rows of one.
  const rapt_tensor *table;
  int64_t pages;
  int64_t page_size;
} rapt_kv_source;

typedef struct rapt_kv_run {
  const void *rows;
  // Elements from one row to the next.
  int64_t stride;
  int64_t count;
  // The first row's scales, and floats to the next row's; NULL where the rows are not i8.
  const float *scale;
  int64_t scale_stride;
} rapt_kv_run;

// Inline, like rapt_kv_run_at: for small problems the copies of the structs would cost time.
static inline rapt_kv_source rapt_sdpa_keys(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head) {
  const rapt_sdpa *c = &problem->call;
  return (rapt_kv_source){.rows = &c->key,
                          .scale = &c->key_scale,
                          .groups = c->key_scale_groups,
                          .batch = batch,
                          .kv_head = kv_head,
                          .length = c->kv_len,
                          .depth = c->head_dim,
                          .dtype = c->key.dtype,
                          .element_stride = c->key.stride[3],
                          .table = rapt_is_present(&c->page_table) ? &c->page_table : NULL,
                          .pages = c->pages,
                          .page_size = c->page_size};
}

static inline rapt_kv_source rapt_sdpa_values(const rapt_sdpa_problem *problem, int64_t batch, int64_t kv_head) {
  const rapt_sdpa *c = &problem->call;
  return (rapt_kv_source){.rows = &c->value,
                          .scale = &c->value_scale,
                          .groups = c->value_scale_groups,
                          .batch = batch,
                          .kv_head = kv_head,
                          .length = c->kv_len,
                          .depth = c->value_dim,
                          .dtype = c->value.dtype,
                          .element_stride = c->value.stride[3],
                          .table = rapt_is_present(&c->page_table) ? &c->page_table : NULL,
                          .pages = c->pages,
                          .page_size = c->page_size};
}

// The same of paged keys.
rapt_kv_run rapt_kv_run_of_pages(const rapt_kv_source *source, int64_t j, int64_t most);

// The run that starts with the row of key j and has at most `most` rows; all of them are below the source's length.
static inline rapt_kv_run rapt_kv_run_at(const rapt_kv_source *source, int64_t j, int64_t most) {
  if (source->table != NULL) return rapt_kv_run_of_pages(source, j, most);
  const rapt_tensor *t = source->rows;
  rapt_kv_run run = {.rows = rapt_row(t, source->batch, source->kv_head, j),
                     .stride = t->stride[2],
                     .count = rapt_min(most, source->length - j)};
  if (source->dtype == RAPT_I8) {
    run.scale = rapt_f32_row(source->scale, source->batch, source->kv_head, j);
    run.scale_stride = source->scale->stride[2];
  }
  return run;
}

// Whether the run's rows are contiguous, without gaps between them.
static inline int rapt_kv_is_packed(const rapt_kv_source *source, const rapt_kv_run *run) {
  return source->element_stride == 1 && run->stride == source->depth;
}

// Row i of the run as floats: the row itself where it is plain, else a copy in staging, which has room for one.
const float *rapt_kv_read_row(const rapt_kernels *kernels, const rapt_kv_source *source, const rapt_kv_run *run,
                              int64_t i, float *staging);

// Copies all rows of the run as floats, contiguous, to `to`.
void rapt_kv_read_rows(const rapt_kernels *kernels, const rapt_kv_source *source, const rapt_kv_run *run, float *to);

// Rows of keys from .. to as contiguous floats: in place where they are contiguous f32, otherwise copied to staging.
// Rows with gaps are copied too, because each may need a TLB entry, again for every panel of queries.
const float *rapt_kv_load(const rapt_kernels *kernels, const rapt_kv_source *source, int64_t from, int64_t to,
                          float *staging);

// The same for bf16 rows as 32-bit pairs, rapt_ceil_div(depth, 2) to a row.
const float *rapt_kv_load_pairs(const rapt_kv_source *source, int64_t from, int64_t to, float *staging);

// Copies rows of keys from .. to, whose element stride is 1, as they are stored and without gaps.
void rapt_kv_copy_rows(const rapt_kv_source *source, int64_t from, int64_t to, void *copy);

// Adds the rows of keys j .. j + count to what is prefetched.
void rapt_kv_prefetch(const rapt_kv_source *source, int64_t j, int64_t count, rapt_prefetch *prefetch);

#endif
