// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores for f16 and bf16 (mma.sync, sm_80 and newer; Dao 2023).
//
// A block computes 16 MT WARPS_M query rows of one unit against its keys, KEYS at a time. Its warps share the rows. For
// few rows they share the keys of a tile (WARPS_N > 1): each warp then has a softmax state of its own, and the states
// are merged at the end. Asynchronous copies bring keys and values one tile ahead, into two buffers each. Rows are the
// query heads of a kv head side by side, so that a group of heads shares every byte of K and V.
//
// Tensor cores may cut off what they add up instead of rounding it (Fasi et al. 2021), which makes long sums of one
// sign too small. So they add up 32 dimensions of a score, and a tile's keys of the output, and plain cores, which
// round, join these.
#ifndef RAPT_CUDA_SDPA_MMA_H
#define RAPT_CUDA_SDPA_MMA_H

#include <type_traits>

#include "cuda/sdpa/mma_finish.h"
#include "cuda/sdpa/mma_item.h"
#include "cuda/sdpa/mma_softmax.h"
#include "cuda/sdpa/mma_values.h"

namespace kernels {

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
  // Whether it is only for GPUs with room for two of its blocks.
  static constexpr bool roomy = TILE_KEYS == 48;
  static constexpr int warp_keys = TILE_KEYS / KEY_WARPS;
  // 8-column parts of a warp's scores and output.
  static constexpr int parts = warp_keys / 8;
  static constexpr int outputs = BUCKET / 8;
  // Steps of 16 dimensions that tensor cores add up by themselves.
  static constexpr int joined = 2;
  // Tiles per stretch. A stretch is longer than on plain cores, 8 to 16 thousand keys, because a tile is one term of
  // its sums.
  static constexpr int stretch_tiles = 256;
  static_assert(stretch_tiles % 2 == 0, "every stretch begins with the first of two buffers");
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

// Begins to copy a tile of keys or values. Strides come from shared memory too: addresses that the compiler could make
// before the loop would take registers through all of it.
template <typename Tiles>
GPU_FUNCTION void copy_keys(const tensor &t, const mma_source &from, int64_t size, const mma_item &work, int tile,
                            typename Tiles::T *to) {
  using T = typename Tiles::T;
  copy_tile<T, Tiles::keys, Tiles::dim, Tiles::threads>(
      static_cast<const T *>(t.data) + from.first + static_cast<int64_t>(tile) * Tiles::keys * from.stride, from.stride,
      tile + 1 < work.tiles ? Tiles::keys : work.last_keys, static_cast<int>(size), to, gpu::thread_anew());
}

// sum += a . b of two steps, which tensor cores add up; the first of a sum begins it.
template <typename T>
GPU_FUNCTION void join_steps(bool first, const uint32_t (&a0)[4], const uint32_t (&a1)[4], const uint32_t (&b0)[2],
                             const uint32_t (&b1)[2], float (&sum)[4]) {
  float part[4] = {};
  gpu::multiply<T>(part, a0, b0[0], b0[1]);
  gpu::multiply<T>(part, a1, b1[0], b1[1]);
  GPU_UNROLL
  for (int i = 0; i < 4; i++) sum[i] = first ? part[i] : sum[i] + part[i];
}

template <typename Tiles>
GPU_FUNCTION void multiply_keys(typename Tiles::T *query, typename Tiles::T *key, int first_key,
                                float (&score)[Tiles::mt][Tiles::parts][4]) {
  using T = typename Tiles::T;
  constexpr int dim = Tiles::dim, joined = Tiles::joined;
  static_assert(joined == 2 && dim / 16 % joined == 0, "whole parts of a dot product");
  int thread = gpu::thread_anew(), lane = thread % gpu::warp_size, first_row = first_row_of<Tiles>(thread);
  GPU_UNROLL
  for (int step = 0; step < dim / 16; step += joined) {
    uint32_t a[joined][Tiles::mt][4];
    GPU_UNROLL
    for (int i = 0; i < joined; i++) {
      GPU_UNROLL
      for (int t = 0; t < Tiles::mt; t++) load_left<T, dim>(query, first_row, 16 * t, step + i, a[i][t], lane);
    }
    if constexpr (Tiles::roomy) {
      GPU_UNROLL
      for (int n = 0; n < Tiles::parts; n++) {
        uint32_t b[4];
        load_right_steps<T, dim>(key, first_key, 8 * n, step, b, lane);
        GPU_UNROLL
        for (int t = 0; t < Tiles::mt; t++) {
          join_steps<T>(step == 0, a[0][t], a[1][t], {b[0], b[1]}, {b[2], b[3]}, score[t][n]);
        }
      }
    } else {
      GPU_UNROLL
      for (int n = 0; n < Tiles::parts; n += 2) {
        uint32_t b0[4], b1[4];
        load_right_lines_like_columns<T, dim>(key, first_key, 8 * n, step, b0, lane);
        load_right_lines_like_columns<T, dim>(key, first_key, 8 * n, step + 1, b1, lane);
        GPU_UNROLL
        for (int t = 0; t < Tiles::mt; t++) {
          join_steps<T>(step == 0, a[0][t], a[1][t], {b0[0], b0[1]}, {b1[0], b1[1]}, score[t][n]);
          join_steps<T>(step == 0, a[0][t], a[1][t], {b0[2], b0[3]}, {b1[2], b1[3]}, score[t][n + 1]);
        }
      }
    }
  }
}

// Applies masks and options to a warp's scores of keys j .. j + warp_keys, of which the first `keys` exist (none where
// it is negative).
template <typename Tiles>
GPU_FUNCTION void restrict_scores([[maybe_unused]] const sdpa_problem &p, [[maybe_unused]] const mma_item &work,
                                  typename Tiles::memory &m, [[maybe_unused]] tile_kind kind, int64_t j, int keys,
                                  float (&score)[Tiles::mt][Tiles::parts][4]) {
  int thread = gpu::thread_anew(), first_row = first_row_of<Tiles>(thread);
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
    hide_edges(rows, thread % gpu::warp_size, j, keys < 0 ? 0 : keys, score[t]);
  }
}

// A stretch of the keys of a block's rows.
template <typename Tiles>
GPU_FUNCTION void attend_stretch(const sdpa_parameters &a, const mma_item &work, typename Tiles::memory &m,
                                 bool special) {
  using T = typename Tiles::T;
  const sdpa_problem &p = a.problem;
  const sdpa_call &c = p.call;
  int first_key = gpu::warp() / Tiles::row_warps * Tiles::warp_keys;
  copy_queries<Tiles>(p, work, m.loop.query);
  // Without keys their addresses may be NULL.
  if (work.tiles > 0) {
    copy_keys<Tiles>(c.key, work.key, c.head_dim, work, work.first_tile, m.loop.key[0]);
    copy_keys<Tiles>(c.value, work.value, c.value_dim, work, work.first_tile, m.loop.value[0]);
  }
  gpu::commit();

  float output[Tiles::mt][Tiles::outputs][4] = {};
  softmax_state state[Tiles::mt][2];
  GPU_UNROLL
  for (int t = 0; t < Tiles::mt; t++) state[t][0] = state[t][1] = begin_softmax();
  // The loop counts tiles: that takes one register instead of three.
  for (int tile = work.first_tile; tile < work.last_tile; tile++) {
    int buffer = tile & 1;
    gpu::wait<0>();
    // All threads see the tile now; and all are done with the one before, whose buffers take the next.
    gpu::barrier();
    if (tile + 1 < work.last_tile) {
      copy_keys<Tiles>(c.key, work.key, c.head_dim, work, tile + 1, m.loop.key[buffer ^ 1]);
      copy_keys<Tiles>(c.value, work.value, c.value_dim, work, tile + 1, m.loop.value[buffer ^ 1]);
    }
    gpu::commit();
    float score[Tiles::mt][Tiles::parts][4];
    multiply_keys<Tiles>(m.loop.query, m.loop.key[buffer], first_key, score);

    bool whole = tile >= work.whole_first && tile < work.whole_last;
    tile_kind kind = special ? tile_kind::special : whole ? tile_kind::plain : tile_kind::edge;
    float keep[Tiles::mt][2];
    if (kind == tile_kind::plain) {
      softmax_tile<false>(p.to_exponent, score, state, keep);
    } else {
      int keys = (tile + 1 < work.tiles ? Tiles::keys : work.last_keys) - first_key;
      if (keys > Tiles::warp_keys) keys = Tiles::warp_keys;
      int64_t j = work.begin + static_cast<int64_t>(tile) * Tiles::keys;
      restrict_scores<Tiles>(p, work, m, kind, j + first_key, keys, score);
      softmax_tile<true>(p.to_exponent, score, state, keep);
    }
    rescale(keep, output);
    T *values = m.loop.value[buffer];
    // 0 * NaN is NaN: a hidden value must be left out, not weighted with 0.
    if (kind != tile_kind::plain &&
        gpu::barrier_any(sees_infinite<T, Tiles::keys, Tiles::dim>(values, gpu::thread_anew(), Tiles::threads))) {
      add_infinite<T, Tiles::dim>(values, first_key, score, output);
      gpu::barrier();
      remove_infinite<T, Tiles::keys, Tiles::dim>(values, gpu::thread_anew(), Tiles::threads);
      gpu::barrier();
    }
    multiply_values<T, Tiles::dim>(values, first_key, score, output);
  }
  gpu::wait<0>();
  gpu::barrier();
  finish_mma<Tiles>(a, work, m, state, output);
}

template <typename Tiles>
GPU_FUNCTION void attend_items(const sdpa_parameters &a) {
  typename Tiles::memory &m = *reinterpret_cast<typename Tiles::memory *>(gpu::shared());
  const sdpa_problem &p = a.problem;
  bool special = Tiles::options && a.special != 0;
  // One loop over items and their stretches. The item's number is not kept: registers are scarce.
  bool fresh = true;
  for (int64_t item = gpu::block(); item < a.items;) {
    if (outer_thread<Tiles>() == 0) {
      if (fresh) {
        m.item = take_mma_item<Tiles>(a, item);
      } else {
        go_to_stretch<Tiles>(&m.item, m.item.last_tile);
      }
    }
    gpu::barrier();
    const mma_item &work = m.item;
    for (int r = outer_thread<Tiles>(); r < Tiles::rows; r += Tiles::threads) {
      // Rows beyond the last one are computed like the first one, and are not written.
      int64_t row = work.first_row + (r < work.rows ? r : 0);
      if constexpr (Tiles::options) {
        m.row[r] = make_row(p, work.batch, work.kv_head, row);
      } else {
        m.row[r].range = visible_keys(p, work.position, row / p.group);
      }
    }
    attend_stretch<Tiles>(a, work, m, special);
    fresh = is_last(work);
    item = work.number;
    if (fresh) item += gpu::blocks();
    gpu::barrier();
  }
}

template <typename Tiles>
GPU_KERNEL(Tiles::threads, 1)
attention_mma(GPU_PARAMETER sdpa_parameters a) {
  // Other GPUs never get it from a plan, and in their registers it does not fit.
  if constexpr (Tiles::roomy && !gpu::roomy) {
    gpu::stop();
  } else {
    attend_items<Tiles>(a);
  }
}

}  // namespace kernels

#endif
