// SPDX-License-Identifier: Apache-2.0
// What a block of the tensor-core kernels works on: its rows, and its keys in tiles.
#ifndef RAPT_CUDA_SDPA_MMA_ITEM_H
#define RAPT_CUDA_SDPA_MMA_ITEM_H

#include "cuda/sdpa/chunk.h"
#include "cuda/sdpa/state.h"

namespace kernels {

// A row's totals in scratch. Those of a block's rows lie one after the other, and after them the rows of the output's.
struct row_total {
  softmax_total softmax;
  // The factor of the output's total in this stretch.
  double keep;
};
static_assert(sizeof(row_total) % sizeof(double) == 0, "scratch is counted in doubles");

// Doubles of a block's totals.
template <typename Tiles>
constexpr int mma_totals = Tiles::rows *(static_cast<int>(sizeof(row_total) / sizeof(double)) + Tiles::dim);

// Where the keys or the values of a block begin, and how far apart they are, in elements.
struct mma_source {
  int64_t first;
  int64_t stride;
};

// The work of a block. It is kept in shared memory, because the tiles need the registers.
struct mma_item {
  int64_t number;
  int64_t unit;
  int64_t batch;
  int64_t kv_head;
  // The position of the sample's query 0.
  int64_t position;
  int64_t first_row;
  // 0 where they have fewer splits than this one's number.
  int rows;
  int64_t split;
  // Keys begin .. end, in tiles.
  int64_t begin;
  int64_t end;
  mma_source key;
  mma_source value;
  // The block's totals.
  double *totals;
  // The number of tiles; those of the stretch (total.h) that the block is at, first_tile .. last_tile; and the range of
  // tiles, whole_first .. whole_last, that causality, window and the end of the keys leave wholly visible to every row.
  int tiles;
  int first_tile;
  int last_tile;
  int whole_first;
  int whole_last;
  // Keys of the last tile.
  int last_keys;
};

// The thread's index outside the loop over tiles, where kernels with options have no register to keep it in.
template <typename Tiles>
GPU_FUNCTION int outer_thread() {
  return Tiles::options ? gpu::thread_anew() : gpu::thread();
}

// The first row of a thread's warp.
template <typename Tiles>
GPU_FUNCTION int first_row_of(int thread) {
  return thread / gpu::warp_size % Tiles::row_warps * 16 * Tiles::mt;
}

// The number of tiles that end at key `end` or before.
template <typename Tiles>
GPU_FUNCTION int tiles_up_to(int64_t end, const mma_item &work) {
  return end < work.begin ? 0 : static_cast<int>((end - work.begin) / Tiles::keys);
}

template <typename Tiles>
GPU_FUNCTION void go_to_stretch(mma_item *work, int first_tile) {
  work->first_tile = first_tile;
  work->last_tile = work->tiles < first_tile + Tiles::stretch_tiles ? work->tiles : first_tile + Tiles::stretch_tiles;
}

template <typename Tiles>
GPU_FUNCTION mma_item take_mma_item(const sdpa_parameters &a, int64_t item) {
  const sdpa_problem &p = a.problem;
  mma_item work;
  work.number = item;
  work.split = item % a.splits;
  item /= a.splits;
  work.first_row = (a.row_tiles - 1 - item % a.row_tiles) * Tiles::rows;
  work.unit = a.first_unit + item / a.row_tiles;
  work.batch = work.unit / p.call.kv_heads;
  work.kv_head = work.unit % p.call.kv_heads;
  work.position = position_of(p, work.batch);
  int64_t rows = p.rows - work.first_row;
  int tile_rows = rows < Tiles::rows ? static_cast<int>(rows) : Tiles::rows;
  key_range walk = tile_walk(a, work.position, work.first_row);
  chunk_range chunks = chunks_to_walk(a, walk);
  work.rows = work.split < chunks.count ? tile_rows : 0;
  work.begin = (chunks.first + work.split) * a.chunk;
  work.end = work.begin + a.chunk;
  if (walk.first > work.begin) work.begin = walk.first / Tiles::keys * Tiles::keys;
  if (walk.last < work.end) work.end = walk.last;
  work.tiles = tiles_up_to<Tiles>(work.end + Tiles::keys - 1, work);
  go_to_stretch<Tiles>(&work, 0);
  work.key = {offset3(p.call.key, work.batch, work.kv_head, work.begin), p.call.key.stride[2]};
  work.value = {offset3(p.call.value, work.batch, work.kv_head, work.begin), p.call.value.stride[2]};
  work.totals = a.totals + gpu::block() * mma_totals<Tiles>;
  work.last_keys = static_cast<int>(work.end - work.begin - static_cast<int64_t>(work.tiles - 1) * Tiles::keys);
  // The range of visible keys moves up with the row: the last row sees the highest first key, the first row the lowest
  // last key.
  int64_t common_first = visible_keys(p, work.position, (work.first_row + tile_rows - 1) / p.group).first;
  int64_t common_last = visible_keys(p, work.position, work.first_row / p.group).last;
  work.whole_first = tiles_up_to<Tiles>(common_first + Tiles::keys - 1, work);
  work.whole_last = tiles_up_to<Tiles>(common_last < work.end ? common_last : work.end, work);
  return work;
}

}  // namespace kernels

#endif
