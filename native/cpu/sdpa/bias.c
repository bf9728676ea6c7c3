// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/bias.h"

#include <math.h>

#include "cpu/engine/rows.h"
#include "cpu/sdpa/visibility.h"

int rapt_sdpa_stages_bias(const rapt_sdpa_problem *problem) {
  if (rapt_is_present(&problem->call.mask) || rapt_is_present(&problem->key_padding)) return 1;
  const rapt_tensor *bias = &problem->call.bias;
  return rapt_is_present(bias) && !rapt_is_plain(bias->dtype, bias->stride[3]);
}

// One lane's mask, bias and padding from key j on.
typedef struct bias_row {
  const uint8_t *mask;
  const void *bias;
  const uint8_t *padding;
} bias_row;

static bias_row locate(const rapt_sdpa_problem *problem, const rapt_sdpa_queries *queries, int64_t r, int64_t j) {
  const rapt_tensor *m = &problem->call.mask, *b = &problem->call.bias, *p = &problem->key_padding;
  int64_t batch = queries->batch, head = queries->head[r], query = queries->query[r];
  bias_row row = {0};
  if (m->data != NULL) {
    row.mask =
        (const uint8_t *)m->data + batch * m->stride[0] + head * m->stride[1] + query * m->stride[2] + j * m->stride[3];
  }
  if (b->data != NULL) {
    row.bias = rapt_offset(b, batch * b->stride[0] + head * b->stride[1] + query * b->stride[2] + j * b->stride[3]);
  }
  if (p->data != NULL) row.padding = (const uint8_t *)p->data + batch * p->stride[0] + j * p->stride[1];
  return row;
}

static void write_bias_row(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, bias_row row, int64_t keys,
                           float *out) {
  int64_t mask_stride = problem->call.mask.stride[3], padding_stride = problem->key_padding.stride[1];
  const rapt_tensor *b = &problem->call.bias;
  const float *bias = NULL;
  if (row.bias != NULL) bias = rapt_read_row(kernels, b->dtype, row.bias, b->stride[3], keys, out);
  if (row.mask != NULL && mask_stride == 1) {
    kernels->mask_to_bias(keys, row.mask, bias, out);
  } else {
    for (int64_t k = 0; k < keys; k++) {
      float value = bias == NULL ? 0.0f : bias[k];
      out[k] = row.mask == NULL || row.mask[k * mask_stride] != 0 ? value : -INFINITY;
    }
  }
  if (row.padding != NULL) {
    for (int64_t k = 0; k < keys; k++) {
      if (row.padding[k * padding_stride] != 0) out[k] = -INFINITY;
    }
  }
}

void rapt_sdpa_add_bias(const rapt_kernels *kernels, const rapt_sdpa_problem *problem, const rapt_sdpa_queries *queries,
                        int64_t j, int64_t covered, const rapt_sdpa_bias_scratch *scratch, float *scores) {
  const float *rows[RAPT_MAX_PANEL_WIDTH] = {0};
  bias_row before = {0};
  int staged = rapt_sdpa_stages_bias(problem);
  for (int64_t r = 0; r < queries->count; r++) {
    bias_row row = locate(problem, queries, r, j);
    if (!staged) {
      rows[r] = row.bias;
    } else if (r > 0 && row.mask == before.mask && row.bias == before.bias && row.padding == before.padding) {
      // The bias broadcasts over queries or heads: lane r has the same row as the lane before it.
      rows[r] = rows[r - 1];
    } else {
      float *out = scratch->rows + r * covered;
      write_bias_row(kernels, problem, row, covered, out);
      rows[r] = out;
    }
    before = row;
  }
  kernels->pack(rows, queries->count, covered, queries->width, scratch->panel);
  kernels->add_bias(covered * queries->width, scratch->panel, scores);
}

void rapt_sdpa_subtract_alibi(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                              const rapt_sdpa_queries *queries, int64_t j, int64_t covered, float *scores) {
  float slope[RAPT_MAX_PANEL_WIDTH] = {0}, at[RAPT_MAX_PANEL_WIDTH] = {0};
  for (int64_t r = 0; r < queries->count; r++) {
    slope[r] = rapt_sdpa_head_value(&problem->call.alibi_slopes, queries, r);
    at[r] = rapt_sdpa_distance(problem, queries, r, j);
  }
  kernels->alibi(covered, queries->width, slope, at, scores);
}

void rapt_sdpa_add_bias_to_row(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                               const rapt_sdpa_queries *queries, int64_t r, int64_t j, int64_t covered, float *staged,
                               float *row) {
  bias_row from = locate(problem, queries, r, j);
  if (!rapt_sdpa_stages_bias(problem)) {
    kernels->add_bias(covered, from.bias, row);
    return;
  }
  write_bias_row(kernels, problem, from, covered, staged);
  kernels->add_bias(covered, staged, row);
}

void rapt_sdpa_subtract_alibi_from_row(const rapt_sdpa_problem *problem, const rapt_sdpa_queries *queries, int64_t r,
                                       int64_t j, int64_t covered, float *row) {
  float slope = rapt_sdpa_head_value(&problem->call.alibi_slopes, queries, r);
  float at = rapt_sdpa_distance(problem, queries, r, j);
  for (int64_t k = 0; k < covered; k++) row[k] -= slope * fabsf(at - (float)k);
}
