// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/keys.h"

#include <string.h>

#include "cpu/engine/rows.h"

static void widen_i8(const rapt_kernels *kernels, const int8_t *from, int64_t stride, int64_t count, float scale,
                     float *to) {
  if (stride == 1) {
    kernels->widen_i8(count, from, scale, to);
  } else {
    for (int64_t i = 0; i < count; i++) to[i] = (float)from[i * stride] * scale;
  }
}

const float *rapt_kv_read_row(const rapt_kernels *kernels, const rapt_kv_source *source, const rapt_kv_run *run,
                              int64_t i, float *staging) {
  const unsigned char *row = run->rows;
  row += i * run->stride * rapt_element_size(source->dtype);
  int64_t stride = source->element_stride;
  if (source->dtype != RAPT_I8) return rapt_read_row(kernels, source->dtype, row, stride, source->depth, staging);
  const float *scale = run->scale + i * run->scale_stride;
  int64_t size = source->depth / source->groups;
  for (int64_t g = 0; g < source->groups; g++) {
    const int8_t *from = (const int8_t *)row + g * size * stride;
    widen_i8(kernels, from, stride, size, scale[g * source->scale->stride[3]], staging + g * size);
  }
  return staging;
}

void rapt_kv_read_rows(const rapt_kernels *kernels, const rapt_kv_source *source, const rapt_kv_run *run, float *to) {
  int64_t depth = source->depth;
  if (source->dtype != RAPT_I8 && rapt_kv_is_packed(source, run)) {
    const float *from = rapt_read_row(kernels, source->dtype, run->rows, 1, run->count * depth, to);
    if (from != to) memcpy(to, from, (size_t)(run->count * depth) * sizeof(float));
    return;
  }
  for (int64_t i = 0; i < run->count; i++, to += depth) {
    const float *from = rapt_kv_read_row(kernels, source, run, i, to);
    if (from != to) memcpy(to, from, (size_t)depth * sizeof(float));
  }
}

const float *rapt_kv_load(const rapt_kernels *kernels, const rapt_kv_source *source, int64_t from, int64_t to,
                          float *staging) {
  rapt_kv_run run = rapt_kv_run_at(source, from, to - from);
  if (source->dtype == RAPT_F32 && run.count == to - from && rapt_kv_is_packed(source, &run)) return run.rows;
  for (int64_t j = from; j < to; j += run.count) {
    run = rapt_kv_run_at(source, j, to - j);
    rapt_kv_read_rows(kernels, source, &run, staging + (j - from) * source->depth);
  }
  return staging;
}

const float *rapt_kv_load_pairs(const rapt_kv_source *source, int64_t from, int64_t to, float *staging) {
  int64_t stride = source->element_stride, pairs = rapt_ceil_div(source->depth, 2);
  rapt_kv_run run = rapt_kv_run_at(source, from, to - from);
  if (run.count == to - from && rapt_are_pairs(run.rows, stride, source->depth) && rapt_kv_is_packed(source, &run)) {
    return run.rows;
  }
  float *next = staging;
  for (int64_t j = from; j < to; j += run.count) {
    run = rapt_kv_run_at(source, j, to - j);
    for (int64_t i = 0; i < run.count; i++, next += pairs) {
      const float *row = rapt_read_pairs((const uint16_t *)run.rows + i * run.stride, stride, source->depth, next);
      if (row != next) memcpy(next, row, (size_t)pairs * sizeof(float));
    }
  }
  return staging;
}

void rapt_kv_prefetch(const rapt_kv_source *source, int64_t j, int64_t count, rapt_prefetch *prefetch) {
  int64_t size = rapt_element_size(source->dtype);
  // Rows of strided elements are not prefetched: reading them is slow for other reasons.
  if (source->element_stride != 1) return;
  for (int64_t last = j + count; j < last;) {
    rapt_kv_run run = rapt_kv_run_at(source, j, last - j);
    rapt_prefetch_add(
        prefetch, (rapt_prefetch_rows){
                      .first = run.rows, .stride = run.stride * size, .size = source->depth * size, .rows = run.count});
    j += run.count;
  }
}
