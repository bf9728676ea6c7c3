// SPDX-License-Identifier: Apache-2.0
#include "cuda/sdpa/splits.h"

#include "base/arithmetic.h"
#include "cuda/sdpa/kernels.h"

namespace {

// The GPU that chunks are made for: an H100 or H200. Constants, because others on another GPU would give other bits
// there.
constexpr int64_t multiprocessors = 132;
constexpr int64_t places = 2 * multiprocessors;
// A block that has a multiprocessor for itself, in hundredths of the time of two that share one.
constexpr int64_t lone_block = 65;
// The most blocks for each multiprocessor that chunks are cut for. Where blocks are little less than the places, one
// round leaves many of them idle, and several fill them better.
constexpr int64_t most_shares = 8;
// What beginning and ending a block costs, in keys, besides one key for each row of its tile; and what merging costs: a
// second launch, and half a key for each block. Counted, not measured: bench/results/cuda-notes.md.
constexpr int64_t block_keys = 96;
constexpr int64_t launch_keys = 64;

// The fewest keys of a chunk. In a large batch, which would not need them, splits then cost a quarter of the work.
int64_t least_chunk(const rapt_cuda_split_sizes &s) { return rapt_max(256, 8 * s.tile_rows); }

int64_t chunk_of(const rapt_cuda_split_sizes &s, int64_t splits) {
  return rapt_ceil_div(rapt_ceil_div(s.keys, splits), s.tile_keys) * s.tile_keys;
}

// The time of all blocks, in hundredths of a key's.
double time_of(const rapt_cuda_split_sizes &s, int64_t chunk) {
  int64_t splits = rapt_ceil_div(s.keys, chunk), blocks = s.blocks * splits, last = blocks % places;
  int64_t rounds = blocks / places * 100 + (last == 0 ? 0 : last <= multiprocessors ? lone_block : 100);
  double block = static_cast<double>(chunk + block_keys + s.tile_rows) * static_cast<double>(rounds);
  return block + (splits > 1 ? static_cast<double>(100 * launch_keys + 50 * blocks) : 0.0);
}

}  // namespace

int64_t rapt_cuda_chunk_of(const rapt_cuda_split_sizes &s) {
  int64_t best = chunk_of(s, 1);
  int64_t most = kernels::most_splits;
  if (s.partial_bytes > 0) most = rapt_min(most, rapt_cuda_most_partial_bytes / s.partial_bytes);
  most = rapt_min(most - s.shifted, s.keys / least_chunk(s));
  if (s.blocks == 0 || s.blocks >= places || most < 2) return best;
  double least_time = time_of(s, best);
  for (int64_t shares = 1; shares <= most_shares; shares++) {
    int64_t splits = rapt_min(shares * multiprocessors / s.blocks, most);
    if (splits < 2) continue;
    int64_t chunk = chunk_of(s, splits);
    double time = time_of(s, chunk);
    // More splits are worth an eighth at least: a batch pays for them.
    if (time < least_time * 7 / 8) {
      least_time = time;
      best = chunk;
    }
    if (splits == most) break;
  }
  return best;
}
