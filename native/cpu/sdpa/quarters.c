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

// Adds key numbers k .. k + keys of every quarter.
static void add(rapt_gather_quarters *gather, rapt_quarters *q, int64_t k, int64_t keys) {
  static const float ones[RAPT_DECODE_WIDTH] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  rapt_quarters some = *q;
  some.keys = keys;
  some.weights += k;
  gather(&some);
  q->correction = ones;
}

// Adds the last `count` keys, fewer than the quarters. Zeros of weight 0 stand for the others, which adds nothing.
static void add_rest(rapt_gather_quarters *gather, rapt_quarters *q, const void *const *rows, int64_t count) {
  static const float zeros[RAPT_MAX_HEAD_DIM];
  float weights[RAPT_DECODE_WIDTH * RAPT_QUARTERS];
  rapt_quarters rest = *q;
  for (int64_t i = 0; i < RAPT_QUARTERS; i++) {
    rest.values[i] = i < count ? rows[i] : zeros;
    for (int64_t r = 0; r < q->rows; r++) {
      weights[r * RAPT_QUARTERS + i] = i < count ? q->weights[r * q->weight_stride + RAPT_QUARTERS * q->apart + i] : 0;
    }
  }
  rest.weights = weights;
  rest.weight_stride = RAPT_QUARTERS;
  rest.apart = 1;
  add(gather, &rest, 0, 1);
}

void rapt_sdpa_gather_in_place(rapt_gather_quarters *gather, const rapt_kv_source *source, int64_t from, int64_t to,
                               rapt_quarters q) {
  q.apart = (to - from) / RAPT_QUARTERS;
  for (int64_t k = 0, keys; k < q.apart; k += keys) {
    // As many as go on in every quarter's run.
    keys = q.apart - k;
    for (int64_t i = 0; i < RAPT_QUARTERS; i++) {
      rapt_kv_run run = rapt_kv_run_at(source, from + i * q.apart + k, keys);
      q.values[i] = run.rows;
      q.value_stride[i] = run.stride;
      keys = run.count;
    }
    add(gather, &q, k, keys);
  }
  const void *rows[RAPT_QUARTERS];
  int64_t done = RAPT_QUARTERS * q.apart, rest = to - from - done;
  for (int64_t i = 0; i < rest; i++) rows[i] = rapt_kv_run_at(source, from + done + i, 1).rows;
  if (rest > 0) add_rest(gather, &q, rows, rest);
}

void rapt_sdpa_gather_floats(rapt_gather_quarters *gather, const float *values, int64_t count, rapt_quarters q) {
  const void *rows[RAPT_QUARTERS];
  q.apart = count / RAPT_QUARTERS;
  for (int64_t i = 0; i < RAPT_QUARTERS; i++) {
    q.values[i] = values + i * q.apart * q.depth;
    q.value_stride[i] = q.depth;
  }
  if (q.apart > 0) add(gather, &q, 0, q.apart);
  int64_t done = RAPT_QUARTERS * q.apart, rest = count - done;
  for (int64_t i = 0; i < rest; i++) rows[i] = values + (done + i) * q.depth;
  if (rest > 0) add_rest(gather, &q, rows, rest);
}
