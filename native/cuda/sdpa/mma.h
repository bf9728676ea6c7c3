// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores for f16 and bf16 (mma.sync, sm_80 and newer; Dao 2023).
//
// A block computes 16 MT WARPS_M query rows of one unit against its keys, KEYS at a time. Its warps share the rows. For
// few rows they share the keys of a tile (WARPS_N > 1): each warp then has a softmax state of its own, and the states
// are merged at the end. Asynchronous copies bring keys and values one tile ahead, into two buffers each. Rows are the
// query heads of a kv head side by side, so that a group of heads shares every byte of K and V.
#ifndef RAPT_CUDA_SDPA_MMA_H
#define RAPT_CUDA_SDPA_MMA_H

#include <type_traits>

#include "cuda/sdpa/chunk.h"
#include "cuda/sdpa/mma_softmax.h"
#include "cuda/sdpa/mma_values.h"
#include "cuda/sdpa/total.h"

namespace kernels {

// The work of a block. It is kept in shared memory, because the tiles need the registers.
struct mma_item {
  int64_t unit;
  int64_t batch;
  int64_t kv_head;
  // The position of the sample's query 0.
  int64_t position;
  int64_t first_row;
  int rows;
  int64_t split;
  // Keys begin .. end, in tiles.
  int64_t begin;
  int64_t end;
  // The number of tiles; and the range of tiles, whole_first .. whole_last, that causality, window and the end of the
  // keys leave wholly visible to every row.
  int tiles;
  int whole_first;
  int whole_last;
  // Keys of the last tile.
  int last_keys;
  // Whether the rows have fewer splits than this one's number.
  bool beyond;
};

template <typename TYPE, int BUCKET, int BLOCKS_OF_16, int ROW_WARPS, int KEY_WARPS, int TILE_KEYS, bool OPTIONS>
struct mma_tiles {
  using T = TYPE;
  // The largest head dim and value dim; shorter rows are padded with zeros.
  static constexpr int dim = BUCKET;
  // Whether it takes special problems (parameters.h). Kernels that do not are spared the registers for them.
  static constexpr bool options = OPTIONS;
  static constexpr int mt = BLOCKS_OF_16;
  static constexpr int row_warps = ROW_WARPS;
  static constexpr int key_warps = KEY_WARPS;
  static constexpr int threads = ROW_WARPS * KEY_WARPS * gpu::warp_size;
  static constexpr int rows = 16 * BLOCKS_OF_16 * ROW_WARPS;
  static constexpr int keys = TILE_KEYS;
  static constexpr int warp_keys = TILE_KEYS / KEY_WARPS;
  // 8-column parts of a warp's scores and output.
  static constexpr int parts = warp_keys / 8;
  static constexpr int outputs = BUCKET / 8;
  // Tiles per stretch, a power of two. A stretch is longer than on plain cores, 8 to 16 thousand keys: weights of 16
  // bits are off by more than what tensor cores, which may cut sums off instead of rounding them, lose in a thousand
  // steps.
  static constexpr int stretch_tiles = 256;
  // Doubles of a thread's totals: its parts of the output, and its sums and maxima.
  static constexpr int totals = BLOCKS_OF_16 * (outputs * 4 + 2 * 2);
  static constexpr int stage_floats = 16 * (parts < 4 ? parts : 4) * 8;
  // Floats per row of the finished output: four more than the dimensions, so that rows begin in different banks.
  static constexpr int output_line = BUCKET + 4;
  static_assert(warp_keys % 16 == 0 && warp_keys <= 64, "whole steps of tensor cores, and a bit per key");

  struct loop_memory {
    T query[rows * BUCKET];
    T key[2][TILE_KEYS * BUCKET];
    T value[2][TILE_KEYS * BUCKET];
    float stage[OPTIONS ? ROW_WARPS * KEY_WARPS : 1][OPTIONS ? stage_floats : 4];
  };
  struct end_memory {
    float output[KEY_WARPS][rows * output_line];
    float maximum[KEY_WARPS][rows];
    float sum[KEY_WARPS][rows];
    float factor[KEY_WARPS][rows];
  };
  struct memory {
    union {
      loop_memory loop;
      end_memory end;
    };
    std::conditional_t<OPTIONS, row_state, edge_row> row[rows];
    mma_item item;
  };
};

// The number of tiles that end at key `end` or before.
template <typename Tiles>
GPU_FUNCTION int tiles_up_to(int64_t end, const mma_item &work) {
  return end < work.begin ? 0 : static_cast<int>((end - work.begin) / Tiles::keys);
}

template <typename Tiles>
GPU_FUNCTION mma_item take_mma_item(const sdpa_parameters &a, int64_t item) {
  const sdpa_problem &p = a.problem;
  mma_item work;
  work.split = item % a.splits;
  item /= a.splits;
  work.first_row = (a.row_tiles - 1 - item % a.row_tiles) * Tiles::rows;
  work.unit = a.first_unit + item / a.row_tiles;
  work.batch = work.unit / p.call.kv_heads;
  work.kv_head = work.unit % p.call.kv_heads;
  work.position = position_of(p, work.batch);
  int64_t rows = p.rows - work.first_row;
  work.rows = rows < Tiles::rows ? static_cast<int>(rows) : Tiles::rows;
  key_range walk = tile_walk(a, work.position, work.first_row);
  chunk_range chunks = chunks_to_walk(a, walk);
  work.beyond = work.split >= chunks.count;
  work.begin = (chunks.first + work.split) * a.chunk;
  work.end = work.begin + a.chunk;
  if (walk.first > work.begin) work.begin = walk.first / Tiles::keys * Tiles::keys;
  if (walk.last < work.end) work.end = walk.last;
  work.tiles = tiles_up_to<Tiles>(work.end + Tiles::keys - 1, work);
  work.last_keys = static_cast<int>(work.end - work.begin - static_cast<int64_t>(work.tiles - 1) * Tiles::keys);
  // The range of visible keys moves up with the row: the last row sees the highest first key, the first row the lowest
  // last key.
  int64_t common_first = visible_keys(p, work.position, (work.first_row + work.rows - 1) / p.group).first;
  int64_t common_last = visible_keys(p, work.position, work.first_row / p.group).last;
  work.whole_first = tiles_up_to<Tiles>(common_first + Tiles::keys - 1, work);
  work.whole_last = tiles_up_to<Tiles>(common_last < work.end ? common_last : work.end, work);
  return work;
}

template <typename Tiles>
GPU_FUNCTION void copy_queries(const sdpa_problem &p, const mma_item &work, typename Tiles::T *tile) {
  const tensor &q = p.call.query;
  using T = typename Tiles::T;
  gather_tile<T, Tiles::rows, Tiles::dim, Tiles::threads>(
      static_cast<const T *>(q.data), work.rows, static_cast<int>(p.call.head_dim), tile, [&](int line) {
        int64_t head, query;
        row_heads(p, work.kv_head, work.first_row + line, &head, &query);
        return offset3(q, work.batch, head, query);
      });
}

// Begins to copy a tile of keys or values from j on, up to work.end.
template <typename Tiles>
GPU_FUNCTION void copy_keys(const tensor &t, int64_t size, const mma_item &work, int64_t j, typename Tiles::T *tile) {
  using T = typename Tiles::T;
  int64_t left = work.end - j;
  copy_tile<T, Tiles::keys, Tiles::dim, Tiles::threads>(
      static_cast<const T *>(t.data) + offset3(t, work.batch, work.kv_head, j), t.stride[2],
      left < Tiles::keys ? static_cast<int>(left) : Tiles::keys, static_cast<int>(size), tile);
}

template <typename Tiles>
GPU_FUNCTION void multiply_keys(typename Tiles::T *query, typename Tiles::T *key, int first_row, int first_key,
                                float (&score)[Tiles::mt][Tiles::parts][4]) {
  using T = typename Tiles::T;
  GPU_UNROLL
  for (int step = 0; step < Tiles::dim / 16; step++) {
    uint32_t a[Tiles::mt][4];
    GPU_UNROLL
    for (int t = 0; t < Tiles::mt; t++) load_left<T, Tiles::dim>(query, first_row, 16 * t, step, a[t]);
    GPU_UNROLL
    for (int n = 0; n < Tiles::parts / 2; n++) {
      uint32_t b[4];
      load_right_lines<T, Tiles::dim>(key, first_key, 16 * n, step, b);
      GPU_UNROLL
      for (int t = 0; t < Tiles::mt; t++) {
        gpu::multiply<T>(score[t][2 * n], a[t], b[0], b[1]);
        gpu::multiply<T>(score[t][2 * n + 1], a[t], b[2], b[3]);
      }
    }
  }
}

// Applies masks and options to a warp's scores of keys j .. j + warp_keys, of which the first `keys` exist (none where
// it is negative).
template <typename Tiles>
GPU_FUNCTION void restrict_scores([[maybe_unused]] const sdpa_problem &p, [[maybe_unused]] const mma_item &work,
                                  typename Tiles::memory &m, [[maybe_unused]] tile_kind kind, int first_row, int64_t j,
                                  int keys, float (&score)[Tiles::mt][Tiles::parts][4]) {
  GPU_UNROLL
  for (int t = 0; t < Tiles::mt; t++) {
    const auto *rows = m.row + first_row + 16 * t;
    if constexpr (Tiles::options) {
      if (kind == tile_kind::special) {
        GPU_UNROLL
        for (int part = 0; part < Tiles::parts; part += 4) {
          apply_options(p, rows, work.rows - first_row - 16 * t, tile_keys{work.batch, j, keys},
                        m.loop.stage[gpu::warp()], score[t], part);
        }
        continue;
      }
    }
    hide_edges(rows, j, keys < 0 ? 0 : keys, score[t]);
  }
}

// Adds a thread's states and output to their totals, and takes these back after the last stretch. The maxima are kept
// as doubles too. Row by row, and few numbers at a time: registers are scarce.
template <typename Tiles>
GPU_FUNCTION void end_stretch(const sdpa_parameters &a, const stretch_end &end, softmax_state (&state)[Tiles::mt][2],
                              float (&output)[Tiles::mt][Tiles::outputs][4]) {
  constexpr int step = Tiles::threads;
  double *at = thread_totals<Tiles>(a);
  GPU_UNROLL
  for (int t = 0; t < Tiles::mt; t++) {
    GPU_UNROLL
    for (int half = 0; half < 2; half++) {
      softmax_total total = {};
      if (!end.first) total = {at[0], static_cast<float>(at[step])};
      double keep = end_stretch(end.first, &state[t][half], &total, a.problem.to_exponent);
      if (end.last) state[t][half].sum = static_cast<float>(total.sum);
      at[0] = total.sum;
      at[step] = static_cast<double>(total.maximum);
      at += 2 * step;
      GPU_UNROLL
      for (int n = 0; n < Tiles::outputs; n += 2, at += 4 * step) {
        float *low = output[t][n] + half * 2, *high = output[t][n + 1] + half * 2;
        float x[4] = {low[0], low[1], high[0], high[1]};
        add_to_totals<step>(end, keep, at, x);
        low[0] = x[0];
        low[1] = x[1];
        high[0] = x[2];
        high[1] = x[3];
      }
    }
  }
}

// Ends a block: the warps put their results side by side into shared memory; these are merged and written row by row.
template <typename Tiles>
GPU_FUNCTION void finish_mma(const sdpa_parameters &a, const mma_item &work, typename Tiles::memory &m, int first_row,
                             int key_warp, const softmax_state (&state)[Tiles::mt][2],
                             const float (&output)[Tiles::mt][Tiles::outputs][4]) {
  const sdpa_problem &p = a.problem;
  const sdpa_call &c = p.call;
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
  gpu::barrier();
  for (int r = gpu::thread(); r < work.rows; r += Tiles::threads) {
    softmax_state merged = begin_softmax();
    for (int w = 0; w < Tiles::key_warps; w++) merge_maximum(&merged, m.end.maximum[w][r]);
    for (int w = 0; w < Tiles::key_warps; w++) {
      m.end.factor[w][r] = share_of(merged, m.end.maximum[w][r], p.to_exponent);
      merge_sum(&merged, m.end.sum[w][r], m.end.factor[w][r]);
    }
    float factor = 1;
    if (a.splits > 1) {
      int64_t partial = partial_at(a, work.unit, work.first_row + r) + work.split;
      a.partial_maximum[partial] = merged.maximum;
      a.partial_sum[partial] = merged.sum;
    } else {
      factor = finish_row(p, work.batch, work.kv_head, work.first_row + r, merged, true);
    }
    for (int w = 0; w < Tiles::key_warps; w++) m.end.factor[w][r] *= factor;
    // The weights output needs them: its weights are relative to the row's maximum.
    m.end.maximum[0][r] = merged.maximum;
    m.end.sum[0][r] = factor;
  }
  gpu::barrier();
  constexpr int warps = Tiles::threads / gpu::warp_size;
  auto finished = [&](int r, int d) {
    float x = 0;
    for (int w = 0; w < Tiles::key_warps; w++) x += m.end.output[w][r * Tiles::output_line + d] * m.end.factor[w][r];
    return x;
  };
  if (a.splits > 1) {
    for (int r = gpu::warp(); r < work.rows; r += warps) {
      float *to = a.partial_output + (partial_at(a, work.unit, work.first_row + r) + work.split) * c.value_dim;
      for (int d = gpu::lane(); d < static_cast<int>(c.value_dim); d += gpu::warp_size) to[d] = finished(r, d);
    }
    return;
  }
  for (int r = gpu::warp(); r < work.rows; r += warps) {
    int64_t head, query;
    row_heads(p, work.kv_head, work.first_row + r, &head, &query);
    int64_t at = offset3(c.output, work.batch, head, query);
    for (int d = gpu::lane(); d < static_cast<int>(c.value_dim); d += gpu::warp_size) {
      set_element(c.output, at + d * c.output.stride[3], finished(r, d));
    }
    if constexpr (Tiles::options) {
      if (finishes_weights(p)) {
        finish_weights(p, work.batch, work.kv_head, work.first_row + r, m.end.maximum[0][r], m.end.sum[0][r],
                       gpu::lane(), gpu::warp_size);
      }
    }
  }
}

template <typename Tiles>
GPU_KERNEL(Tiles::threads, 1)
attention_mma(GPU_PARAMETER sdpa_parameters a) {
  using T = typename Tiles::T;
  typename Tiles::memory &m = *reinterpret_cast<typename Tiles::memory *>(gpu::shared());
  const sdpa_problem &p = a.problem;
  const sdpa_call &c = p.call;
  int first_row = gpu::warp() % Tiles::row_warps * 16 * Tiles::mt, key_warp = gpu::warp() / Tiles::row_warps;
  int first_key = key_warp * Tiles::warp_keys;
  bool special = Tiles::options && a.special != 0;
  for (int64_t item = gpu::block(); item < a.items; item += gpu::blocks()) {
    if (gpu::thread() == 0) m.item = take_mma_item<Tiles>(a, item);
    gpu::barrier();
    const mma_item &work = m.item;
    if (!work.beyond) copy_queries<Tiles>(p, work, m.loop.query);
    // Without keys their addresses may be NULL.
    if (work.tiles > 0) {
      copy_keys<Tiles>(c.key, c.head_dim, work, work.begin, m.loop.key[0]);
      copy_keys<Tiles>(c.value, c.value_dim, work, work.begin, m.loop.value[0]);
    }
    gpu::commit();
    for (int r = gpu::thread(); r < Tiles::rows; r += Tiles::threads) {
      // Rows beyond the last one are computed like the last one, and are not written.
      int64_t row = work.first_row + (r < work.rows ? r : work.rows - 1);
      if constexpr (Tiles::options) {
        m.row[r] = make_row(p, work.batch, work.kv_head, row);
      } else {
        m.row[r].range = visible_keys(p, work.position, row / p.group);
      }
    }

    float output[Tiles::mt][Tiles::outputs][4] = {};
    softmax_state state[Tiles::mt][2];
    GPU_UNROLL
    for (int t = 0; t < Tiles::mt; t++) state[t][0] = state[t][1] = begin_softmax();
    // The loop counts tiles: that takes one register instead of three.
    for (int tile = 0; tile < work.tiles; tile++) {
      int64_t j = work.begin + static_cast<int64_t>(tile) * Tiles::keys;
      int buffer = tile & 1;
      gpu::wait<0>();
      // All threads see the tile now; and all are done with the one before, whose buffers take the next.
      gpu::barrier();
      if (tile + 1 < work.tiles) {
        copy_keys<Tiles>(c.key, c.head_dim, work, j + Tiles::keys, m.loop.key[buffer ^ 1]);
        copy_keys<Tiles>(c.value, c.value_dim, work, j + Tiles::keys, m.loop.value[buffer ^ 1]);
      }
      gpu::commit();
      float score[Tiles::mt][Tiles::parts][4] = {};
      multiply_keys<Tiles>(m.loop.query, m.loop.key[buffer], first_row, first_key, score);

      bool whole = tile >= work.whole_first && tile < work.whole_last;
      tile_kind kind = special ? tile_kind::special : whole ? tile_kind::plain : tile_kind::edge;
      bool guarded = false;
      if (kind == tile_kind::plain) {
        softmax_tile<false>(p.to_exponent, score, state, output);
      } else {
        int keys = (tile + 1 < work.tiles ? Tiles::keys : work.last_keys) - first_key;
        if (keys > Tiles::warp_keys) keys = Tiles::warp_keys;
        restrict_scores<Tiles>(p, work, m, kind, first_row, j + first_key, keys, score);
        softmax_tile<true>(p.to_exponent, score, state, output);
      }
      T *values = m.loop.value[buffer];
      if (kind != tile_kind::plain) {
        // 0 * NaN is NaN: a hidden value must be left out, not weighted with 0.
        guarded = gpu::barrier_any(sees_infinite<T, Tiles::keys, Tiles::dim>(values, gpu::thread(), Tiles::threads));
      }
      if (guarded) {
        multiply_values<T, Tiles::dim, true>(values, first_key, score, output);
        add_infinite<T, Tiles::dim>(values, first_key, score, output);
      } else {
        multiply_values<T, Tiles::dim, false>(values, first_key, score, output);
      }
      if (ends_stretch(tile + 1, work.tiles, Tiles::stretch_tiles)) {
        end_stretch<Tiles>(a, stretch_end_of(tile + 1, work.tiles, Tiles::stretch_tiles), state, output);
      }
    }
    gpu::wait<0>();
    gpu::barrier();
    if (!work.beyond) finish_mma<Tiles>(a, work, m, first_row, key_warp, state, output);
    gpu::barrier();
  }
}

}  // namespace kernels

#endif
