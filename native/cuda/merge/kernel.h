// SPDX-License-Identifier: Apache-2.0
// Merges partial results: a block takes a row of results and adds the parts in ascending order, so that equal inputs
// give equal bits.
#ifndef RAPT_CUDA_MERGE_KERNEL_H
#define RAPT_CUDA_MERGE_KERNEL_H

#include "cuda/gpu/tensor.h"

namespace kernels {

constexpr int merge_parts_threads = 128;
// Elements of a row that a thread sums: a value dim is at most 1024.
constexpr int merge_parts_elements = 8;

struct merge_parts_parameters {
  // Strides of (parts, batch, heads, query_len); partial_step is the stride within a row.
  tensor partial_output;
  int64_t partial_step;
  tensor partial_lse;
  tensor output;
  tensor lse;
  int64_t parts;
  int64_t heads;
  int64_t query_len;
  int64_t value_dim;
  // batch * heads * query_len.
  int64_t rows;
};

struct merge_parts_memory {
  // For as many parts as there are threads: e^(lse - highest), and the part's weight.
  double unscaled[merge_parts_threads];
  float weight[merge_parts_threads];
};

struct merge_parts_row {
  int64_t batch, head, query;
};

// An offset in a tensor whose first dimension is the part.
GPU_FUNCTION int64_t part_offset(const tensor &t, const merge_parts_row &row, int64_t part) {
  return part * t.stride[0] + row.batch * t.stride[1] + row.head * t.stride[2] + row.query * t.stride[3];
}

GPU_FUNCTION float part_lse(const merge_parts_parameters &a, const merge_parts_row &row, int64_t part) {
  return static_cast<const float *>(a.partial_lse.data)[part_offset(a.partial_lse, row, part)];
}

// The highest LSE of a row; NaN where one of them is.
GPU_FUNCTION double highest_lse(const merge_parts_parameters &a, const merge_parts_row &row) {
  double highest = -INFINITY;
  for (int64_t n = 0; n < a.parts; n++) {
    double lse = static_cast<double>(part_lse(a, row, n));
    if (isnan(lse)) return lse;
    if (lse > highest) highest = lse;
  }
  return highest;
}

// The weight of a part. Only an empty part has weight 0, so that a NaN in any other part reaches the result, however
// small its weight.
GPU_FUNCTION float part_weight(float lse, double unscaled, double sum) {
  if (lse == -INFINITY) return 0;
  float weight = static_cast<float>(unscaled / sum);
  return weight == 0 ? 1.4e-45f : weight;
}

GPU_KERNEL(merge_parts_threads, 1)
merge_parts(GPU_PARAMETER merge_parts_parameters a) {
  merge_parts_memory &m = *reinterpret_cast<merge_parts_memory *>(gpu::shared());
  int thread = gpu::thread();
  for (int64_t at = gpu::block(); at < a.rows; at += gpu::blocks()) {
    int64_t unit = at / a.query_len;
    merge_parts_row row = {unit / a.heads, unit % a.heads, at % a.query_len};
    double highest = highest_lse(a, row), sum = 0;
    // A row whose parts are all empty is 0.
    int64_t parts = highest == -INFINITY ? 0 : a.parts;
    for (int64_t first = 0; first < parts; first += merge_parts_threads) {
      int64_t count = parts - first < merge_parts_threads ? parts - first : merge_parts_threads;
      if (thread < count) m.unscaled[thread] = exp(static_cast<double>(part_lse(a, row, first + thread)) - highest);
      gpu::barrier();
      for (int64_t n = 0; n < count; n++) sum += m.unscaled[n];
      gpu::barrier();
    }
    // As many parts as there are threads are added in f32, and these sums in double: the error does not grow with the
    // number of parts, and doubles, which most GPUs have few units for, are rare.
    double total[merge_parts_elements] = {};
    for (int64_t first = 0; first < parts; first += merge_parts_threads) {
      int64_t count = parts - first < merge_parts_threads ? parts - first : merge_parts_threads;
      if (thread < count) {
        float lse = part_lse(a, row, first + thread);
        m.weight[thread] = part_weight(lse, exp(static_cast<double>(lse) - highest), sum);
      }
      gpu::barrier();
      int64_t from = part_offset(a.partial_output, row, first);
      float output[merge_parts_elements] = {};
      for (int64_t n = 0; n < count; n++) {
        float weight = m.weight[n];
        GPU_UNROLL
        for (int i = 0; i < merge_parts_elements; i++) {
          int64_t d = thread + i * merge_parts_threads;
          if (d >= a.value_dim || weight == 0) continue;
          output[i] = fmaf(
              weight, element(a.partial_output, from + n * a.partial_output.stride[0] + d * a.partial_step), output[i]);
        }
      }
      GPU_UNROLL
      for (int i = 0; i < merge_parts_elements; i++) total[i] += static_cast<double>(output[i]);
      gpu::barrier();
    }
    int64_t to = offset3(a.output, row.batch, row.head, row.query);
    GPU_UNROLL
    for (int i = 0; i < merge_parts_elements; i++) {
      int64_t d = thread + i * merge_parts_threads;
      if (d < a.value_dim) set_element(a.output, to + d * a.output.stride[3], static_cast<float>(total[i]));
    }
    if (thread == 0 && is_present(a.lse)) {
      float merged = static_cast<float>(parts == 0 ? highest : highest + log(sum));
      static_cast<float *>(a.lse.data)[offset3(a.lse, row.batch, row.head, row.query)] = merged;
    }
  }
}

}  // namespace kernels

#endif
