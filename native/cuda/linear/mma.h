// SPDX-License-Identifier: Apache-2.0
// output = input . weight^T + bias on tensor cores: f16 or bf16 in, f32 accumulated, any type and strides out. A block
// of four warps computes 128 rows by 128 features, each warp 64 by 64. It takes 64 input features per step, which are
// copied two steps ahead.
//
// Tensor cores may cut off what they add up instead of rounding it (Fasi et al. 2021), which makes long sums of one
// sign too small. So they add up 32 features at a time, and plain cores, which round, join these.
#ifndef RAPT_CUDA_LINEAR_MMA_H
#define RAPT_CUDA_LINEAR_MMA_H

#include "cuda/gpu/mma_tile.h"
#include "cuda/linear/parameters.h"

namespace kernels {

struct linear_mma_tiles {
  static constexpr int threads = 128;
  static constexpr int rows = 128;
  static constexpr int columns = 128;
  // Input features in a tile: the eight pieces of a line that mma_tile.h permutes.
  static constexpr int depth = 64;
  static constexpr int stages = 3;
  // Steps of 16 features that tensor cores add up by themselves. More would take more registers.
  static constexpr int joined = 2;
  static constexpr int warp_rows = 64;
  static constexpr int warp_columns = 64;
};

// What a block works on; in shared memory, because the tiles need the registers.
struct linear_mma_item {
  int64_t first_row;
  int64_t first_column;
  // The elements where its rows of the input begin: found once, because that takes a 64-bit division each.
  int64_t place[linear_mma_tiles::rows];
};

template <typename T>
struct linear_mma_memory {
  T input[linear_mma_tiles::stages][linear_mma_tiles::rows * linear_mma_tiles::depth];
  T weight[linear_mma_tiles::stages][linear_mma_tiles::columns * linear_mma_tiles::depth];
  linear_mma_item item;
};

GPU_FUNCTION void take_item(const linear_parameters &a, int64_t item, linear_mma_item *work) {
  using tiles = linear_mma_tiles;
  int64_t first_row = item / a.column_tiles * tiles::rows;
  for (int line = gpu::thread(); line < tiles::rows; line += tiles::threads) {
    work->place[line] = row_offset(a.product.input, a.product.rows, first_row + line);
  }
  if (gpu::thread() > 0) return;
  work->first_row = first_row;
  work->first_column = item % a.column_tiles * tiles::columns;
}

template <typename T>
GPU_FUNCTION void copy_step(const linear_product &p, const linear_mma_item &work, int step, T *input, T *weight) {
  using tiles = linear_mma_tiles;
  int64_t from = int64_t{step} * tiles::depth, left = p.in_features - from;
  int64_t rows = p.batch * p.rows - work.first_row, columns = p.out_features - work.first_column;
  int size = left < tiles::depth ? static_cast<int>(left) : tiles::depth, thread = gpu::thread_anew();
  gather_tile<T, tiles::rows, tiles::depth, tiles::threads>(
      static_cast<const T *>(p.input.data) + from, rows < tiles::rows ? static_cast<int>(rows) : tiles::rows, size,
      input, [&](int line) { return work.place[line]; }, thread);
  copy_tile<T, tiles::columns, tiles::depth, tiles::threads>(
      static_cast<const T *>(p.weight.data) + work.first_column * p.in_features + from, p.in_features,
      columns < tiles::columns ? static_cast<int>(columns) : tiles::columns, size, weight, thread);
}

template <typename T>
GPU_KERNEL(linear_mma_tiles::threads, 2)
linear_mma(GPU_PARAMETER linear_parameters a) {
  using tiles = linear_mma_tiles;
  constexpr int mt = tiles::warp_rows / 16, nt = tiles::warp_columns / 16;
  linear_mma_memory<T> &m = *reinterpret_cast<linear_mma_memory<T> *>(gpu::shared());
  const linear_product &p = a.product;
  int row = gpu::warp() / 2 * tiles::warp_rows, column = gpu::warp() % 2 * tiles::warp_columns;
  int steps = static_cast<int>((p.in_features + tiles::depth - 1) / tiles::depth);
  for (int64_t item = gpu::block(); item < a.row_tiles * a.column_tiles; item += gpu::blocks()) {
    take_item(a, item, &m.item);
    gpu::barrier();
    for (int s = 0; s < tiles::stages - 1; s++) {
      if (s < steps) copy_step<T>(p, m.item, s, m.input[s], m.weight[s]);
      gpu::commit();
    }
    float sum[mt][2 * nt][4] = {};
    int stage = 0;
    for (int step = 0; step < steps; step++, stage = stage + 1 < tiles::stages ? stage + 1 : 0) {
      gpu::wait<tiles::stages - 2>();
      // This barrier also says that all threads are done with the stage that is filled next.
      gpu::barrier();
      int next = step + tiles::stages - 1;
      int into = stage > 0 ? stage - 1 : tiles::stages - 1;
      if (next < steps) copy_step<T>(p, m.item, next, m.input[into], m.weight[into]);
      gpu::commit();
      // Not unrolled, and half of a part's columns after the other: otherwise registers spill.
      GPU_ROLL
      for (int k = 0; k < tiles::depth / 16; k += tiles::joined) {
        uint32_t x[tiles::joined][mt][4];
        GPU_UNROLL
        for (int i = 0; i < tiles::joined; i++) {
          GPU_UNROLL
          for (int t = 0; t < mt; t++) load_left<T, tiles::depth>(m.input[stage], row, 16 * t, k + i, x[i][t]);
        }
        GPU_UNROLL
        for (int n = 0; n < nt; n++) {
          uint32_t w[tiles::joined][4];
          GPU_UNROLL
          for (int i = 0; i < tiles::joined; i++) {
            load_right_lines<T, tiles::depth>(m.weight[stage], column, 16 * n, k + i, w[i]);
          }
          GPU_UNROLL
          for (int t = 0; t < mt; t++) {
            GPU_UNROLL
            for (int half = 0; half < 2; half++) {
              float part[4] = {};
              GPU_UNROLL
              for (int i = 0; i < tiles::joined; i++) {
                gpu::multiply<T>(part, x[i][t], w[i][2 * half], w[i][2 * half + 1]);
              }
              GPU_UNROLL
              for (int i = 0; i < 4; i++) sum[t][2 * n + half][i] += part[i];
            }
          }
        }
      }
    }
    int64_t first_row = m.item.first_row, first_column = m.item.first_column;
    // Found anew, so that the loop need not keep them in registers: they would spill.
    int warp = gpu::thread_anew() / gpu::warp_size;
    row = warp / 2 * tiles::warp_rows;
    column = warp % 2 * tiles::warp_columns;
    // Then all threads are done with the stages and the item.
    gpu::barrier();
    GPU_UNROLL
    for (int t = 0; t < mt; t++) {
      GPU_UNROLL
      for (int half = 0; half < 2; half++) {
        int64_t r = first_row + row + 16 * t + half * 8 + result_row();
        if (r >= p.batch * p.rows) continue;
        int64_t at = row_offset(p.output, p.rows, r);
        GPU_UNROLL
        for (int n = 0; n < 2 * nt; n++) {
          GPU_UNROLL
          for (int i = 0; i < 2; i++) {
            int64_t c = first_column + column + n * 8 + result_column() + i;
            if (c < p.out_features) write_feature(p, at, c, sum[t][n][half * 2 + i]);
          }
        }
      }
    }
  }
}

}  // namespace kernels

#endif
