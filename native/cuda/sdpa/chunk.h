// SPDX-License-Identifier: Apache-2.0
// The chunks of keys that the splits of a tile of query rows take; see splits.h.
#ifndef RAPT_CUDA_SDPA_CHUNK_H
#define RAPT_CUDA_SDPA_CHUNK_H

#include "cuda/sdpa/row.h"

namespace kernels {

// The chunks that hold keys of a walk: split s takes chunk first + s. Where there are no keys it is still one, which
// then says so.
struct chunk_range {
  int64_t first;
  int64_t count;
};

GPU_FUNCTION chunk_range chunks_to_walk(const sdpa_parameters &a, const key_range &walk) {
  if (a.splits == 1 || walk.first >= walk.last) return {0, 1};
  int64_t first = walk.first / a.chunk;
  return {first, (walk.last - 1) / a.chunk - first + 1};
}

// Of a tile of query rows, the keys that all its splits walk.
GPU_FUNCTION key_range tile_walk(const sdpa_parameters &a, int64_t position, int64_t first_row) {
  int64_t last_row = first_row + a.tile_rows - 1;
  return keys_to_walk(a.problem, position, first_row, last_row < a.problem.rows ? last_row : a.problem.rows - 1);
}

// The number of a row's partial results of its first split; `unit` counts from the launch's first one.
GPU_FUNCTION int64_t partial_at(const sdpa_parameters &a, int64_t unit, int64_t row) {
  return ((unit - a.first_unit) * a.problem.rows + row) * a.splits;
}

}  // namespace kernels

#endif
