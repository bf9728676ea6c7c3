// SPDX-License-Identifier: Apache-2.0
// How many blocks share the keys of a tile of query rows.
//
// A sample whose tiles are fewer than a GPU has places for blocks would leave most of the GPU idle: chunked prefill,
// drafts, few kv heads, decode. So its keys are cut into chunks, which begin at multiples of their size from key 0; a
// block takes one, and a second kernel merges what they found. The sizes of one sample alone say how long chunks are,
// so that its results have the same bits in every batch and on every GPU that runs the same tiles.
#ifndef RAPT_CUDA_SDPA_SPLITS_H
#define RAPT_CUDA_SDPA_SPLITS_H

#include <stdint.h>

// The sizes of one sample.
struct rapt_cuda_split_sizes {
  // Blocks without splits.
  int64_t blocks;
  // Keys that a block goes through at most.
  int64_t keys;
  // Query rows and keys of a block's tile.
  int64_t tile_rows;
  int64_t tile_keys;
  // Bytes of the partial results of one split.
  int64_t partial_bytes;
  // Whether the keys may begin within a chunk.
  bool shifted;
};

// The most bytes of partial results at a time, of a sample or of several: what a batch has beyond that runs afterwards.
constexpr int64_t rapt_cuda_most_partial_bytes = 64 << 20;

// The keys of a chunk: whole tiles; all keys where they are not split.
int64_t rapt_cuda_chunk_of(const rapt_cuda_split_sizes &sizes);

#endif
