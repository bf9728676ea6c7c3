// SPDX-License-Identifier: Apache-2.0
#include "cuda/sdpa/splits.h"

#include "base/arithmetic.h"
#include "cuda/sdpa/kernels.h"

namespace {

// The places that chunks are made for: two blocks on each of the 132 multiprocessors of an H100 or H200. A constant,
// because another number on another GPU would give other bits there.
constexpr int64_t places = 2 * 132;
// The most rounds that chunks are cut for. Where blocks are little less than the places, one round leaves many of them
// idle, and two to four fill them better.
constexpr int64_t most_rounds = 4;
// What beginning and ending a block costs, in keys, besides one key for each row of its tile; and what merging costs: a
// second launch, and half a key for each block. Counted, not measured: bench/results/cuda-notes.md.
constexpr int64_t block_keys = 96;
constexpr int64_t launch_keys = 64;

// The fewest keys of a chunk. In a large batch, which would not need them, splits then cost a fraction of the work.
int64_t least_chunk(const rapt_cuda_split_sizes &s) { return rapt_max(256, 4 * s.tile_rows); }

int64_t chunk_of(const rapt_cuda_split_sizes &s, int64_t splits) {
  return rapt_ceil_div(rapt_ceil_div(s.keys, splits), s.tile_keys) * s.tile_keys;
}

// The time of all blocks, in keys.
int64_t time_of(const rapt_cuda_split_sizes &s, int64_t chunk) {
  int64_t splits = rapt_ceil_div(s.keys, chunk), blocks = s.blocks * splits;
  int64_t round = chunk + block_keys + s.tile_rows;
  return rapt_ceil_div(blocks, places) * round + (splits > 1 ? launch_keys + blocks / 2 : 0);
}

}  // namespace

int64_t rapt_cuda_chunk_of(const rapt_cuda_split_sizes &s) {
  int64_t best = chunk_of(s, 1);
  int64_t most = kernels::most_splits;
  if (s.partial_bytes > 0) most = rapt_min(most, rapt_cuda_most_partial_bytes / s.partial_bytes);
  most = rapt_min(most - s.shifted, s.keys / least_chunk(s));
  if (s.blocks == 0 || s.blocks >= places || most < 2) return best;
  int64_t least_time = time_of(s, best);
  for (int64_t rounds = 1; rounds <= most_rounds; rounds++) {
    int64_t splits = rapt_min(rounds * places / s.blocks, most);
    if (splits < 2) continue;
    int64_t chunk = chunk_of(s, splits), time = time_of(s, chunk);
    if (time < least_time) {
      least_time = time;
      best = chunk;
    }
    if (splits == most) break;
  }
  return best;
}
