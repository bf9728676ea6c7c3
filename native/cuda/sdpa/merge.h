// SPDX-License-Identifier: Apache-2.0
// Merges the partial results of a row's splits: a few warps per row, splits in an order that follows from the sizes of
// one sample, so that the result does not depend on which split ended first. All sums are in double: one rounding, not
// one for each split.
#ifndef RAPT_CUDA_SDPA_MERGE_H
#define RAPT_CUDA_SDPA_MERGE_H

#include "cuda/sdpa/chunk.h"
#include "cuda/sdpa/kernels.h"

namespace kernels {

constexpr int merge_warps = 8;
constexpr int merge_threads = merge_warps * gpu::warp_size;
// Value dimensions of a lane, and of a warp, at a time.
constexpr int merge_lane_values = 4;
constexpr int merge_values = merge_lane_values * gpu::warp_size;

struct merge_memory {
  // Per warp and split: the factor that brings its sum and output to the highest maximum.
  float factor[merge_warps][most_splits];
  // Per warp: the sums of its lanes' splits, and of its share of the outputs.
  double sum[merge_warps][gpu::warp_size];
  double output[merge_warps][merge_values];
};

// How many warps share a row, a power of two, so that a warp has few splits: it waits for their loads. By all chunks of
// a sample, whichever of them the row sees.
inline int warps_per_row(int64_t chunks) { return chunks <= 4 ? 1 : chunks <= 8 ? 2 : chunks <= 16 ? 4 : merge_warps; }

// A row's state over all its splits, and the splits' factors, which the warp then has in shared memory.
GPU_FUNCTION softmax_state merge_states(const sdpa_parameters &a, int64_t at, int splits, float *factor, double *sum) {
  const float *maximum = a.partial_maximum + at, *sums = a.partial_sum + at;
  softmax_state merged = begin_softmax();
  for (int s = gpu::lane(); s < splits; s += gpu::warp_size) merge_maximum(&merged, maximum[s]);
  merged.maximum = gpu::warp_maximum(merged.maximum);
  double mine = 0, all = 0;
  for (int s = gpu::lane(); s < splits; s += gpu::warp_size) {
    factor[s] = share_of(merged, maximum[s], a.problem.to_exponent);
    mine += static_cast<double>(sums[s]) * static_cast<double>(factor[s]);
  }
  sum[gpu::lane()] = mine;
  gpu::warp_barrier();
  for (int lane = 0; lane < gpu::warp_size && lane < splits; lane++) all += sum[lane];
  merged.sum = static_cast<float>(all);
  return merged;
}

// Adds splits first, first + step, ... of the outputs, of which `output` is split 0's, to a lane's dimensions; there
// are `values` of them from the lane's first one on.
GPU_FUNCTION void merge_outputs(const float *output, int64_t value_dim, int64_t values, int first, int step, int splits,
                                const float *factor, double (&sum)[merge_lane_values]) {
  for (int s = first; s < splits; s += step) {
    const float *from = output + s * value_dim;
    double share = static_cast<double>(factor[s]);
    GPU_UNROLL
    for (int i = 0; i < merge_lane_values; i++) {
      if (i * gpu::warp_size < values) sum[i] += static_cast<double>(from[i * gpu::warp_size]) * share;
    }
  }
}

GPU_KERNEL(merge_threads, 1)
attention_merge(GPU_PARAMETER sdpa_parameters a) {
  merge_memory &m = *reinterpret_cast<merge_memory *>(gpu::shared());
  const sdpa_problem &p = a.problem;
  const sdpa_call &c = p.call;
  int warps = a.row_warps, member = gpu::warp() % warps, rows = merge_warps / warps;
  float *factors = m.factor[gpu::warp()];
  for (int64_t from = gpu::block() * rows; from < a.units * p.rows; from += gpu::blocks() * rows) {
    int64_t number = from + gpu::warp() / warps, unit = a.first_unit + number / p.rows, row = number % p.rows;
    bool there = number < a.units * p.rows;
    int64_t batch = unit / c.kv_heads, kv_head = unit % c.kv_heads, partial = partial_at(a, unit, row), head, query;
    int splits = 0;
    softmax_state merged = begin_softmax();
    float factor = 0;
    row_heads(p, kv_head, row, &head, &query);
    if (there) {
      key_range walk = tile_walk(a, position_of(p, batch), row / a.tile_rows * a.tile_rows);
      splits = static_cast<int>(chunks_to_walk(a, walk).count);
      merged = merge_states(a, partial, splits, factors, m.sum[gpu::warp()]);
      factor = finish_row(p, batch, kv_head, row, merged, member == 0 && gpu::lane() == 0);
    }
    for (int64_t first = gpu::lane(); first - gpu::lane() < c.value_dim; first += merge_values) {
      double sum[merge_lane_values] = {};
      merge_outputs(a.partial_output + partial * c.value_dim + first, c.value_dim, c.value_dim - first, member, warps,
                    splits, factors, sum);
      if (warps > 1) {
        GPU_UNROLL
        for (int i = 0; i < merge_lane_values; i++) m.output[gpu::warp()][gpu::lane() + i * gpu::warp_size] = sum[i];
        gpu::barrier();
        GPU_UNROLL
        for (int i = 0; i < merge_lane_values; i++) {
          // The first warp of a row goes on; its own share is the first summand.
          for (int w = 1; w < warps && member == 0; w++) {
            sum[i] += m.output[gpu::warp() + w][gpu::lane() + i * gpu::warp_size];
          }
        }
        gpu::barrier();
      }
      if (!there || member > 0) continue;
      int64_t at = offset3(c.output, batch, head, query);
      GPU_UNROLL
      for (int i = 0; i < merge_lane_values; i++) {
        int64_t d = first + i * gpu::warp_size;
        if (d >= c.value_dim) continue;
        set_element(c.output, at + d * c.output.stride[3], static_cast<float>(sum[i] * static_cast<double>(factor)));
      }
    }
    if (there && finishes_weights(p)) {
      finish_weights(p, batch, kv_head, row, merged.maximum, factor, member * gpu::warp_size + gpu::lane(),
                     warps * gpu::warp_size);
    }
    // All lanes are done with the warp's factors and sums.
    gpu::warp_barrier();
  }
}

}  // namespace kernels

#endif
