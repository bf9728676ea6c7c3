// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/quarters.h"

rapt_dots_quarters *rapt_sdpa_dots_quarters_of(const rapt_kernels *kernels, int32_t dtype) {
  switch (dtype) {
    case RAPT_F16:
      return kernels->quarters.dots_f16;
    case RAPT_BF16:
      return kernels->quarters.dots_bf16;
    case RAPT_I8:
      return kernels->quarters.dots_i8;
    default:
      return kernels->quarters.dots_f32;
  }
}

rapt_gather_quarters *rapt_sdpa_gather_quarters_of(const rapt_kernels *kernels, int32_t dtype) {
  switch (dtype) {
    case RAPT_F16:
      return kernels->quarters.gather_f16;
    case RAPT_BF16:
      return kernels->quarters.gather_bf16;
    case RAPT_I8:
      return kernels->quarters.gather_i8;
    default:
      return kernels->quarters.gather_f32;
  }
}

// Rows in order, run by run.
typedef struct quarter_reader {
  // NULL where all rows are one run.
  const rapt_kv_source *source;
  // The source's rows that no run has yet.
  int64_t next;
  int64_t end;
  // What is left of the current run.
  const char *row;
  int64_t step;
  int64_t left;
} quarter_reader;

// Rows first .. first + count of those that `all` begins with.
static inline quarter_reader read_rows(const quarter_reader *all, int64_t first, int64_t count) {
  quarter_reader q = *all;
  q.next += first;
  q.end = q.next + count;
  q.row += first * q.step;
  q.left = rapt_min(q.left, count);
  return q;
}

// Begins another run where the last one has ended.
static inline void read_on(quarter_reader *q) {
  if (q->left > 0) return;
  rapt_kv_run run = rapt_kv_run_at(q->source, q->next, q->end - q->next);
  q->row = run.rows;
  q->step = run.stride * rapt_element_size(q->source->dtype);
  q->left = run.count;
  q->next += run.count;
}

static inline void read_past(quarter_reader *q, int64_t count) {
  q->row += count * q->step;
  q->left -= count;
}

void rapt_sdpa_dots_in_place(rapt_dots_quarters *dots, const rapt_kv_source *source, int64_t from, int64_t apart,
                             rapt_key_quarters *q) {
  const quarter_reader all = {.source = source, .next = from};
  quarter_reader reader[RAPT_QUARTERS];
  for (int i = 0; i < RAPT_QUARTERS; i++) reader[i] = read_rows(&all, i * apart, apart);
  q->apart = apart;
  for (int64_t k = 0; k < apart; k += q->count, q->scores += q->count) {
    q->count = apart - k;
    for (int i = 0; i < RAPT_QUARTERS; i++) {
      read_on(&reader[i]);
      q->count = rapt_min(q->count, reader[i].left);
    }
    for (int i = 0; i < RAPT_QUARTERS; i++) {
      q->keys[i] = reader[i].row;
      q->key_step[i] = reader[i].step;
      read_past(&reader[i], q->count);
    }
    dots(q);
  }
}

// The addresses of the next `count` values, which become column `quarter` of a block.
static void place(quarter_reader *from, int64_t count, int quarter, rapt_quarters *q) {
  for (int64_t k = 0; k < count;) {
    read_on(from);
    int64_t end = k + rapt_min(count - k, from->left);
    const char *row = from->row;
    read_past(from, end - k);
    for (; k < end; k++, row += from->step) q->values[k][quarter] = row;
  }
}

static void add(rapt_gather_quarters *gather, rapt_quarters *q) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  gather(q);
  q->correction = ones;
}

// Adds the last `count` keys, fewer than the quarters, from value `done` on. Zeros of weight 0 stand for the others,
// which adds nothing.
static void add_rest(rapt_gather_quarters *gather, const quarter_reader *all, int64_t done, int64_t count,
                     rapt_quarters *q) {
  static const float zeros[RAPT_MAX_HEAD_DIM];
  float weights[RAPT_DECODE_WIDTH * RAPT_QUARTERS];
  quarter_reader rest = read_rows(all, done, count);
  for (int i = 0; i < RAPT_QUARTERS; i++) {
    q->values[0][i] = zeros;
    if (i < count) place(&rest, 1, i, q);
    for (int64_t r = 0; r < q->rows; r++) {
      weights[r * RAPT_QUARTERS + i] = i < count ? q->weights[r * q->weight_stride + done + i] : 0;
    }
  }
  q->weights = weights;
  q->weight_stride = RAPT_QUARTERS;
  q->apart = q->keys = 1;
  add(gather, q);
}

static void gather_rows(rapt_gather_quarters *gather, const quarter_reader *all, int64_t count, rapt_quarters *q) {
  const float *weights = q->weights;
  int64_t apart = count / RAPT_QUARTERS, done = RAPT_QUARTERS * apart;
  quarter_reader reader[RAPT_QUARTERS];
  for (int i = 0; i < RAPT_QUARTERS; i++) reader[i] = read_rows(all, i * apart, apart);
  q->apart = apart;
  for (int64_t k = 0; k < apart; k += q->keys) {
    q->keys = rapt_min(apart - k, RAPT_QUARTER_KEYS);
    q->weights = weights + k;
    for (int i = 0; i < RAPT_QUARTERS; i++) place(&reader[i], q->keys, i, q);
    add(gather, q);
  }
  q->weights = weights;
  if (done < count) add_rest(gather, all, done, count - done, q);
}

void rapt_sdpa_gather_in_place(rapt_gather_quarters *gather, const rapt_kv_source *source, int64_t from, int64_t to,
                               rapt_quarters *q) {
  const quarter_reader all = {.source = source, .next = from};
  gather_rows(gather, &all, to - from, q);
}

void rapt_sdpa_gather_floats(rapt_gather_quarters *gather, const float *values, int64_t count, rapt_quarters *q) {
  const quarter_reader all = {.row = (const char *)values, .step = q->depth * (int64_t)sizeof(float), .left = count};
  gather_rows(gather, &all, count, q);
}
