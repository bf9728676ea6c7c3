// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/quarters.h"

rapt_gather_quarters *rapt_sdpa_quarters_of(const rapt_kernels *kernels, int32_t dtype) {
  switch (dtype) {
    case RAPT_F16:
      return kernels->quarters_f16;
    case RAPT_BF16:
      return kernels->quarters_bf16;
    case RAPT_I8:
      return kernels->quarters_i8;
    default:
      return kernels->quarters_f32;
  }
}

// Where values come from: a source, or contiguous floats.
typedef struct values_of {
  const rapt_kv_source *source;
  int64_t from;
  const float *floats;
  int64_t depth;
} values_of;

// The addresses of values j .. j + count, which begins at column `quarter` of a block.
static void place(const values_of *v, int64_t j, int64_t count, int quarter, rapt_quarters *q) {
  for (int64_t k = 0; k < count;) {
    rapt_kv_run run = {.rows = v->floats + (j + k) * v->depth, .stride = v->depth, .count = count - k};
    int64_t size = sizeof(float);
    if (v->source != NULL) {
      run = rapt_kv_run_at(v->source, v->from + j + k, count - k);
      size = rapt_element_size(v->source->dtype);
    }
    const char *row = run.rows;
    for (const int64_t end = k + run.count; k < end; k++, row += run.stride * size) q->values[k][quarter] = row;
  }
}

static void add(rapt_gather_quarters *gather, rapt_quarters *q) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  gather(q);
  q->correction = ones;
}

// Adds the last `count` keys, fewer than the quarters, from value `done` on. Zeros of weight 0 stand for the others,
// which adds nothing.
static void add_rest(rapt_gather_quarters *gather, const values_of *v, int64_t done, int64_t count, rapt_quarters *q) {
  static const float zeros[RAPT_MAX_HEAD_DIM];
  float weights[RAPT_DECODE_WIDTH * RAPT_QUARTERS];
  for (int i = 0; i < RAPT_QUARTERS; i++) {
    q->values[0][i] = zeros;
    if (i < count) place(v, done + i, 1, i, q);
    for (int64_t r = 0; r < q->rows; r++) {
      weights[r * RAPT_QUARTERS + i] = i < count ? q->weights[r * q->weight_stride + done + i] : 0;
    }
  }
  q->weights = weights;
  q->weight_stride = RAPT_QUARTERS;
  q->apart = q->keys = 1;
  add(gather, q);
}

static void gather_values(rapt_gather_quarters *gather, const values_of *v, int64_t count, rapt_quarters *q) {
  const float *weights = q->weights;
  int64_t apart = count / RAPT_QUARTERS, done = RAPT_QUARTERS * apart;
  q->apart = apart;
  for (int64_t k = 0; k < apart; k += q->keys) {
    q->keys = rapt_min(apart - k, RAPT_QUARTER_KEYS);
    q->weights = weights + k;
    for (int i = 0; i < RAPT_QUARTERS; i++) place(v, i * apart + k, q->keys, i, q);
    add(gather, q);
  }
  q->weights = weights;
  if (done < count) add_rest(gather, v, done, count - done, q);
}

void rapt_sdpa_gather_in_place(rapt_gather_quarters *gather, const rapt_kv_source *source, int64_t from, int64_t to,
                               rapt_quarters *q) {
  values_of v = {.source = source, .from = from};
  gather_values(gather, &v, to - from, q);
}

void rapt_sdpa_gather_floats(rapt_gather_quarters *gather, const float *values, int64_t count, rapt_quarters *q) {
  values_of v = {.floats = values, .depth = q->depth};
  gather_values(gather, &v, count, q);
}
