// SPDX-License-Identifier: Apache-2.0
// What follows a block's loop over the keys of a stretch: the warps put their results side by side into shared memory,
// and these are merged row by row. Where there are several stretches they are added to totals (total.h), here and not
// in the loop, which has no registers to spare.
#ifndef RAPT_CUDA_SDPA_MMA_FINISH_H
#define RAPT_CUDA_SDPA_MMA_FINISH_H

#include "cuda/gpu/mma_tile.h"
#include "cuda/sdpa/mma_item.h"
#include "cuda/sdpa/mma_values.h"

namespace kernels {

// The block's totals. Where the address comes from decides whether registers spill: with 48 keys from the number of the
// block, else from shared memory.
template <typename Tiles>
GPU_FUNCTION row_total *row_totals(const sdpa_parameters &a, const mma_item &work) {
  return reinterpret_cast<row_total *>(Tiles::roomy ? a.totals + gpu::block() * mma_totals<Tiles> : work.totals);
}
template <typename Tiles>
GPU_FUNCTION double *output_totals(const sdpa_parameters &a, const mma_item &work, int row) {
  return reinterpret_cast<double *>(row_totals<Tiles>(a, work) + Tiles::rows) + row * Tiles::dim;
}

// Which of a block's stretches ends. A block with a single one needs no totals.
GPU_FUNCTION bool is_first(const mma_item &work) { return work.first_tile == 0; }
GPU_FUNCTION bool is_last(const mma_item &work) { return work.last_tile == work.tiles; }

// Puts what a thread has into shared memory.
template <typename Tiles>
GPU_FUNCTION void stage_results(typename Tiles::memory &m, const softmax_state (&state)[Tiles::mt][2],
                                const float (&output)[Tiles::mt][Tiles::outputs][4]) {
  int thread = outer_thread<Tiles>(), first_row = first_row_of<Tiles>(thread);
  int key_warp = thread / gpu::warp_size / Tiles::row_warps;
  GPU_UNROLL
  for (int t = 0; t < Tiles::mt; t++) {
    GPU_UNROLL
    for (int half = 0; half < 2; half++) {
      int row = first_row + 16 * t + half * 8 + result_row();
      float sum = row_sum(state[t][half].sum);
      if ((gpu::lane() & 3) == 0) {
        m.end.maximum[key_warp][row] = state[t][half].maximum;
        m.end.sum[key_warp][row] = sum;
      }
      GPU_UNROLL
      for (int n = 0; n < Tiles::outputs; n++) {
        float *to = m.end.output[key_warp] + row * Tiles::output_line + n * 8 + result_column();
        to[0] = output[t][n][half * 2] / weight_unit<typename Tiles::T>;
        to[1] = output[t][n][half * 2 + 1] / weight_unit<typename Tiles::T>;
      }
    }
  }
}

// Merges the states of a row's warps and its total: finds the factors of their outputs and, after the last stretch,
// finishes the row.
template <typename Tiles>
GPU_FUNCTION void finish_state(const sdpa_parameters &a, const mma_item &work, typename Tiles::memory &m, int r) {
  const sdpa_problem &p = a.problem;
  bool first = is_first(work), last = is_last(work);
  softmax_state merged = begin_softmax();
  row_total total = {};
  if (!first) {
    total = row_totals<Tiles>(a, work)[r];
    merge_maximum(&merged, total.softmax.maximum);
  }
  for (int w = 0; w < Tiles::key_warps; w++) merge_maximum(&merged, m.end.maximum[w][r]);
  for (int w = 0; w < Tiles::key_warps; w++) {
    m.end.factor[w][r] = share_of(merged, m.end.maximum[w][r], p.to_exponent);
    merge_sum(&merged, m.end.sum[w][r], m.end.factor[w][r]);
  }
  if (!first || !last) {
    total.keep = end_stretch(first, &merged, &total.softmax, p.to_exponent);
    row_totals<Tiles>(a, work)[r] = total;
    merged.sum = static_cast<float>(total.softmax.sum);
  }
  if (!last) return;
  // The weights output needs them: its weights are relative to the row's maximum.
  m.end.maximum[0][r] = merged.maximum;
  m.end.sum[0][r] = 1;
  if (a.splits > 1) {
    int64_t partial = partial_at(a, work.unit, work.first_row + r) + work.split;
    a.partial_maximum[partial] = merged.maximum;
    a.partial_sum[partial] = merged.sum;
  } else {
    m.end.sum[0][r] = finish_row(p, work.batch, work.kv_head, work.first_row + r, merged, true);
  }
}

// Merges the outputs of a row's warps and its total; a warp works on the row.
template <typename Tiles>
GPU_FUNCTION void finish_output(const sdpa_parameters &a, const mma_item &work, typename Tiles::memory &m, int r) {
  const sdpa_problem &p = a.problem;
  const sdpa_call &c = p.call;
  bool first = is_first(work), last = is_last(work);
  double keep = first ? 0 : row_totals<Tiles>(a, work)[r].keep;
  int64_t head, query;
  row_heads(p, work.kv_head, work.first_row + r, &head, &query);
  int64_t at = offset3(c.output, work.batch, head, query);
  int64_t partial = (partial_at(a, work.unit, work.first_row + r) + work.split) * c.value_dim;
  for (int d = gpu::lane(); d < static_cast<int>(c.value_dim); d += gpu::warp_size) {
    float x = 0;
    for (int w = 0; w < Tiles::key_warps; w++) x += m.end.output[w][r * Tiles::output_line + d] * m.end.factor[w][r];
    if (!first || !last) {
      double *total = output_totals<Tiles>(a, work, r) + d, sum = static_cast<double>(x);
      if (!first) sum += *total * keep;
      if (!last) *total = sum;
      x = static_cast<float>(sum);
    }
    if (!last) continue;
    if (a.splits > 1) {
      a.partial_output[partial + d] = x;
    } else {
      set_element(c.output, at + d * c.output.stride[3], x * m.end.sum[0][r]);
    }
  }
  if constexpr (Tiles::options) {
    if (last && a.splits == 1 && finishes_weights(p)) {
      finish_weights(p, work.batch, work.kv_head, work.first_row + r, m.end.maximum[0][r], m.end.sum[0][r], gpu::lane(),
                     gpu::warp_size);
    }
  }
}

template <typename Tiles>
GPU_FUNCTION void finish_mma(const sdpa_parameters &a, const mma_item &work, typename Tiles::memory &m,
                             const softmax_state (&state)[Tiles::mt][2],
                             const float (&output)[Tiles::mt][Tiles::outputs][4]) {
  stage_results<Tiles>(m, state, output);
  gpu::barrier();
  for (int r = outer_thread<Tiles>(); r < work.rows; r += Tiles::threads) finish_state<Tiles>(a, work, m, r);
  gpu::barrier();
  constexpr int warps = Tiles::threads / gpu::warp_size;
  for (int r = outer_thread<Tiles>() / gpu::warp_size; r < work.rows; r += warps) finish_output<Tiles>(a, work, m, r);
}

}  // namespace kernels

#endif
