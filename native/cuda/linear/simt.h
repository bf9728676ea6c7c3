// SPDX-License-Identifier: Apache-2.0
// output = input . weight^T + bias on plain cores: any types and strides. A block computes 64 rows by 64 features.
#ifndef RAPT_CUDA_LINEAR_SIMT_H
#define RAPT_CUDA_LINEAR_SIMT_H

#include "cuda/gpu/product.h"
#include "cuda/linear/parameters.h"

namespace kernels {

struct linear_simt_tiles {
  static constexpr int threads = 256;
  static constexpr int rows = 64;
  static constexpr int columns = 64;
  static constexpr int depth = 32;
  // Rows and features of a thread.
  static constexpr int side = 4;
  static constexpr int across = columns / side;
  // Four more than the rows, see sdpa/simt.h.
  static constexpr int line = rows + 4;
  struct memory {
    float input[depth * line];
    float weight[depth * line];
  };
};

GPU_KERNEL(linear_simt_tiles::threads, 2)
linear_simt(GPU_PARAMETER linear_parameters a) {
  using tiles = linear_simt_tiles;
  tiles::memory &m = *reinterpret_cast<tiles::memory *>(gpu::shared());
  const linear_product &p = a.product;
  int64_t all_rows = p.batch * p.rows;
  int column = gpu::thread() % tiles::across * tiles::side, row = gpu::thread() / tiles::across * tiles::side;
  for (int64_t item = gpu::block(); item < a.row_tiles * a.column_tiles; item += gpu::blocks()) {
    int64_t first_row = item / a.column_tiles * tiles::rows, first_column = item % a.column_tiles * tiles::columns;
    int64_t rows_left = all_rows - first_row, columns_left = p.out_features - first_column;
    int rows = rows_left < tiles::rows ? static_cast<int>(rows_left) : tiles::rows;
    int columns = columns_left < tiles::columns ? static_cast<int>(columns_left) : tiles::columns;
    float sum[tiles::side][tiles::side] = {};
    for (int64_t d = 0; d < p.in_features; d += tiles::depth) {
      gpu::barrier();
      stage_lines<tiles::rows, tiles::line, tiles::depth, tiles::threads>(
          p.input, rows, p.input.stride[2], d, p.in_features, m.input,
          [&](int line) { return row_offset(p.input, p.rows, first_row + line); });
      stage_lines<tiles::columns, tiles::line, tiles::depth, tiles::threads>(
          p.weight, columns, p.weight.stride[1], d, p.in_features, m.weight,
          [&](int line) { return (first_column + line) * p.weight.stride[0]; });
      gpu::barrier();
      int64_t left = p.in_features - d;
      accumulate<tiles::side, tiles::side, tiles::line, tiles::line>(
          m.input + row, m.weight + column, left < tiles::depth ? static_cast<int>(left) : tiles::depth, sum);
    }
    GPU_UNROLL
    for (int r = 0; r < tiles::side; r++) {
      if (row + r >= rows) continue;
      int64_t at = row_offset(p.output, p.rows, first_row + row + r);
      GPU_UNROLL
      for (int c = 0; c < tiles::side; c++) {
        if (column + c < columns) write_feature(p, at, first_column + column + c, sum[r][c]);
      }
    }
  }
}

}  // namespace kernels

#endif
