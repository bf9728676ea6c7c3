// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/keys.h"

#include <string.h>

#include "cpu/engine/rows.h"
#include "ops/sdpa/samples.h"

rapt_kv_run rapt_kv_run_of_pages(const rapt_kv_source *source, int64_t j, int64_t most) {
  const rapt_tensor *t = source->rows, *scale = source->scale;
  int64_t size = source->page_size, index = j / size, row = j - index * size;
  int64_t page = rapt_sdpa_page(source->table, source->pages, index), quantised = source->dtype == RAPT_I8;
  rapt_kv_run run = {.rows = rapt_row(t, page, source->kv_head, row), .stride = t->stride[2], .count = size - row};
  if (quantised) {
    run.scale = rapt_f32_row(scale, page, source->kv_head, row);
    run.scale_stride = scale->stride[2];
  }
  most = rapt_min(most, source->length - j);
  // Pages that lie as far from each other as their rows go on with the run. The stride of rows of a page of one may be
  // any: the distance of the first two pages takes its place.
  while (run.count < most) {
    int64_t next = rapt_sdpa_page(source->table, source->pages, ++index), apart = next - page;
    if (size == 1 && run.count == 1) {
      run.stride = apart * t->stride[0];
      run.scale_stride = quantised ? apart * scale->stride[0] : 0;
    }
    if (apart * t->stride[0] != size * run.stride) break;
    if (quantised && apart * scale->stride[0] != size * run.scale_stride) break;
    run.count += size;
    page = next;
  }
  run.count = rapt_min(run.count, most);
  return run;
}

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

void rapt_kv_copy_rows(const rapt_kv_source *source, int64_t from, int64_t to, void *copy) {
  int64_t size = rapt_element_size(source->dtype), bytes = source->depth * size;
  unsigned char *next = copy;
  for (int64_t j = from; j < to;) {
    rapt_kv_run run = rapt_kv_run_at(source, j, to - j);
    const unsigned char *row = run.rows;
    for (int64_t i = 0; i < run.count; i++, next += bytes) memcpy(next, row + i * run.stride * size, (size_t)bytes);
    j += run.count;
  }
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
