// SPDX-License-Identifier: Apache-2.0
// Merges the partial results of the splits: one block per query row, splits in ascending order, so that the result does
// not depend on which split ended first.
#ifndef RAPT_CUDA_SDPA_MERGE_H
#define RAPT_CUDA_SDPA_MERGE_H

#include "cuda/sdpa/kernels.h"
#include "cuda/sdpa/row.h"

namespace kernels {

constexpr int merge_threads = 128;

struct merge_memory {
  // Per split: the factor that brings its sum and output to the highest maximum.
  float factor[most_splits];
};

GPU_KERNEL(merge_threads, 1)
attention_merge(GPU_PARAMETER sdpa_parameters a) {
  merge_memory &m = *reinterpret_cast<merge_memory *>(gpu::shared());
  const sdpa_problem &p = a.problem;
  const sdpa_call &c = p.call;
  for (int64_t at = gpu::block(); at < c.batch * c.kv_heads * p.rows; at += gpu::blocks()) {
    int64_t unit = at / p.rows, row = at % p.rows;
    int64_t batch = unit / c.kv_heads, kv_head = unit % c.kv_heads;
    const float *maximum = a.partial_maximum + at * a.splits, *sums = a.partial_sum + at * a.splits;
    softmax_state merged = begin_softmax();
    for (int64_t s = 0; s < a.splits; s++) merge_maximum(&merged, maximum[s]);
    for (int64_t s = gpu::thread(); s < a.splits; s += merge_threads) {
      m.factor[s] = share_of(merged, maximum[s], p.to_exponent);
    }
    gpu::barrier();
    // In double: one rounding, not one for each split.
    double sum = 0;
    for (int64_t s = 0; s < a.splits; s++) sum += static_cast<double>(sums[s]) * static_cast<double>(m.factor[s]);
    merged.sum = static_cast<float>(sum);
    float factor = finish_row(p, batch, kv_head, row, merged, gpu::thread() == 0);
    int64_t head, query;
    row_heads(p, kv_head, row, &head, &query);
    for (int64_t d = gpu::thread(); d < c.value_dim; d += merge_threads) {
      double output = 0;
      for (int64_t s = 0; s < a.splits; s++) {
        output += static_cast<double>(a.partial_output[(at * a.splits + s) * c.value_dim + d]) *
                  static_cast<double>(m.factor[s]);
      }
      set_element(c.output, offset3(c.output, batch, head, query) + d * c.output.stride[3],
                  static_cast<float>(output * static_cast<double>(factor)));
    }
    if (finishes_weights(p)) {
      finish_weights(p, batch, kv_head, row, merged.maximum, factor, gpu::thread(), merge_threads);
    }
    gpu::barrier();
  }
}

}  // namespace kernels

#endif
