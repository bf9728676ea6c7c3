// SPDX-License-Identifier: Apache-2.0
// The general attention kernel: f32 arithmetic on plain cores, for all dtypes, strides, head dims and options; i8 keys
// and values are widened and scaled as they are loaded. Definition: Vaswani et al. 2017; tiling: Dao 2023, with Milakov
// and Gimelshein 2018 (online softmax).
//
// A block takes ROWS query rows of one unit against its keys, KEYS at a time, for 128 of the value's dimensions:
//   scores = Q K^T, in steps of 32 dimensions through shared memory   (every thread a small tile in registers)
//   scores -> weights, a warp per row                                (every option of the problem)
//   output += weights V, in steps of 32 keys through shared memory
#ifndef RAPT_CUDA_SDPA_SIMT_H
#define RAPT_CUDA_SDPA_SIMT_H

#include "cuda/gpu/product.h"
#include "cuda/sdpa/chunk.h"
#include "cuda/sdpa/total.h"

namespace kernels {

// COLUMNS threads share each group of rows.
template <int ROWS, int KEYS, int COLUMNS>
struct simt_tiles {
  static constexpr int threads = 256;
  static constexpr int warps = threads / gpu::warp_size;
  // As many per multiprocessor as registers allow without spills.
  static constexpr int blocks = ROWS <= 16 ? 2 : 1;
  static constexpr int rows = ROWS;
  static constexpr int keys = KEYS;
  static constexpr int values = 128;
  static constexpr int columns = COLUMNS;
  static constexpr int thread_rows = ROWS * COLUMNS / threads;
  static constexpr int thread_keys = KEYS / COLUMNS;
  static constexpr int thread_values = values / COLUMNS;
  // Dimensions of Q and K, or keys of V, in shared memory at a time.
  static constexpr int depth = 32;
  // Keys per stretch: in f32 a sum of so many is mostly right to the root of their number, and a pass over the totals
  // is nothing beside their products. Doubles of a thread's totals, those of its part of the output.
  static constexpr int stretch = 4096;
  static constexpr int totals = thread_rows * thread_values;
  // Four more than a multiple of 16: neighbouring lines begin in different banks, and stay aligned to 16 bytes.
  static constexpr int query_line = ROWS + 4;
  static constexpr int key_line = KEYS + 4;
  static constexpr int score_line = KEYS + 4;
  static_assert(ROWS * COLUMNS % threads == 0 && thread_rows == 4, "a thread's rows are one vector");

  // Q and K by dimension, [depth][row] and [depth][key]; V over the same memory, [key][value].
  static constexpr int query_floats = depth * query_line;
  static constexpr int key_floats = depth * key_line;
  static constexpr int value_floats = depth * values;
  static constexpr int staged_floats =
      query_floats + key_floats > value_floats ? query_floats + key_floats : value_floats;
  struct memory {
    float staged[staged_floats];
    float scores[ROWS * score_line];
    softmax_state state[ROWS];
    // Per row: the factor of the output before weighted values are added.
    float correction[ROWS];
    // Per row: what the stretches before have come to, and the factor of the output's total at the end of this one.
    softmax_total total[ROWS];
    double keep[ROWS];
    row_state row[ROWS];
    // The first key of the block's item, and the number of its first row's partial results: here, because they would be
    // registers too many in the loop over the keys.
    int64_t first_key;
    int64_t partial;
  };
};

// Where a key or value lies: its number in the tensor's first and third dimension.
struct key_place {
  int64_t batch;
  int64_t row;
};

// Where keys come from: those of a sample one after the other. samples.h has pages.
struct rows_of_keys {
  // Whether a key may have no place, which makes its numbers NaN.
  static constexpr bool checked = false;
  // All threads of a block come here before each tile.
  GPU_FUNCTION void enter(int64_t, int) const {}
  // The place of key `line` of the tile, that is j + line of the sample.
  GPU_FUNCTION key_place place(int64_t batch, int64_t j, int line) const { return {batch, j + line}; }
};

// The work of one block.
struct simt_item {
  int64_t unit;
  int64_t batch;
  int64_t kv_head;
  int64_t first_row;
  int rows;
  int64_t split;
  int64_t first_value;
  int values;
};

template <typename Tiles>
GPU_FUNCTION simt_item take_item(const sdpa_parameters &a, int64_t item) {
  const sdpa_call &c = a.problem.call;
  simt_item work;
  work.first_value = item % a.value_chunks * Tiles::values;
  item /= a.value_chunks;
  work.split = item % a.splits;
  item /= a.splits;
  work.first_row = (a.row_tiles - 1 - item % a.row_tiles) * Tiles::rows;
  work.unit = a.first_unit + item / a.row_tiles;
  work.batch = work.unit / c.kv_heads;
  work.kv_head = work.unit % c.kv_heads;
  int64_t rows = a.problem.rows - work.first_row, values = c.value_dim - work.first_value;
  work.rows = rows < Tiles::rows ? static_cast<int>(rows) : Tiles::rows;
  work.values = values < Tiles::values ? static_cast<int>(values) : Tiles::values;
  return work;
}

// Numbers of a row that share a scale: all of the row where it has one scale or none.
GPU_FUNCTION int numbers_per_scale(int64_t depth, int64_t groups) {
  return static_cast<int>(groups > 1 ? depth / groups : depth);
}

// Number d of a row of keys or values; in an i8 row times the scale of its group.
template <typename Keys>
GPU_FUNCTION float stored_number(const tensor &t, const tensor &scale, int per_scale, const key_place &key,
                                 int64_t kv_head, int64_t d) {
  if (Keys::checked && key.batch < 0) return NAN;
  int64_t at = offset3(t, key.batch, kv_head, key.row) + d * t.stride[3];
  if (t.dtype != RAPT_I8) return element(t, at);
  int64_t group = static_cast<int>(d) / per_scale;
  float factor =
      static_cast<const float *>(scale.data)[offset3(scale, key.batch, kv_head, key.row) + group * scale.stride[3]];
  return static_cast<float>(static_cast<const int8_t *>(t.data)[at]) * factor;
}

// scores[row][key] of keys j .. j + keys.
template <typename Tiles, typename Keys>
GPU_FUNCTION void multiply_keys(const sdpa_problem &p, const Keys &from, const simt_item &work,
                                typename Tiles::memory &m, int64_t j, int keys) {
  const sdpa_call &c = p.call;
  int column = gpu::thread() % Tiles::columns, first = gpu::thread() / Tiles::columns * Tiles::thread_rows;
  float *query = m.staged, *key = m.staged + Tiles::query_floats;
  int key_step = numbers_per_scale(c.head_dim, c.key_scale_groups);
  float sum[Tiles::thread_rows][Tiles::thread_keys] = {};
  for (int64_t d = 0; d < c.head_dim; d += Tiles::depth) {
    gpu::barrier();
    stage_lines<Tiles::rows, Tiles::query_line, Tiles::depth, Tiles::threads>(
        c.query, work.rows, c.query.stride[3], d, c.head_dim, query, [&](int line) {
          int64_t head, q;
          row_heads(p, work.kv_head, work.first_row + line, &head, &q);
          return offset3(c.query, work.batch, head, q);
        });
    stage_numbers<Tiles::keys, Tiles::key_line, Tiles::depth, Tiles::threads>(
        keys, d, c.head_dim, key, [&](int line, int64_t number) {
          return stored_number<Keys>(c.key, c.key_scale, key_step, from.place(work.batch, j, line), work.kv_head,
                                     number);
        });
    gpu::barrier();
    int64_t left = c.head_dim - d;
    accumulate<Tiles::thread_rows, Tiles::thread_keys, Tiles::query_line, Tiles::key_line>(
        query + first, key + column * Tiles::thread_keys, left < Tiles::depth ? static_cast<int>(left) : Tiles::depth,
        sum);
  }
  GPU_UNROLL
  for (int r = 0; r < Tiles::thread_rows; r++) {
    GPU_UNROLL
    for (int i = 0; i < Tiles::thread_keys; i++) {
      m.scores[(first + r) * Tiles::score_line + column * Tiles::thread_keys + i] = sum[r][i];
    }
  }
}

// Turns scores into weights relative to the row's maximum so far.
template <typename Tiles>
GPU_FUNCTION void softmax_tile(const sdpa_problem &p, const simt_item &work, typename Tiles::memory &m, int64_t j,
                               int keys) {
  constexpr int share = Tiles::keys / gpu::warp_size;
  for (int r = gpu::warp(); r < Tiles::rows; r += Tiles::warps) {
    float *line = m.scores + r * Tiles::score_line;
    float score[share], highest = lowest();
    bool there = r < work.rows;
    GPU_UNROLL
    for (int i = 0; i < share; i++) {
      int k = i * gpu::warp_size + gpu::lane();
      score[i] = lowest();
      if (there && k < keys) {
        score[i] = final_score(p, m.row[r], work.batch, j + k, line[k], work.first_value == 0);
        // fmaxf may lose a NaN; the weight of that score, below, is NaN again.
        highest = fmaxf(highest, score[i]);
      }
    }
    softmax_state state = m.state[r];
    softmax_step step = raise_maximum<exact_power>(&state, gpu::warp_maximum(highest), p.to_exponent);
    float sum = 0;
    GPU_UNROLL
    for (int i = 0; i < share; i++) {
      float weight = step_weight<exact_power, true>(score[i], step, p.to_exponent);
      line[i * gpu::warp_size + gpu::lane()] = weight;
      sum += weight;
    }
    sum = gpu::warp_sum(sum);
    // All lanes have read the row's old state after this; shuffles alone do not order memory.
    gpu::warp_barrier();
    if (gpu::lane() == 0) {
      add_weights(&state, step, sum);
      m.state[r] = state;
      m.correction[r] = step.keep;
    }
  }
}

// output[row][value] += weights[row][key] values[key][value] for the keys in shared memory. GUARDED: a hidden key's
// value is left out instead of weighted with 0, since 0 * NaN is NaN.
template <typename Tiles, bool GUARDED>
GPU_FUNCTION void add_values(const typename Tiles::memory &m, int from, int keys, int first, int column,
                             float (&output)[Tiles::thread_rows][Tiles::thread_values]) {
  for (int k = 0; k < keys; k++) {
    float v[Tiles::thread_values];
    gpu::fetch(v, m.staged + k * Tiles::values + column * Tiles::thread_values);
    GPU_UNROLL
    for (int r = 0; r < Tiles::thread_rows; r++) {
      float weight = m.scores[(first + r) * Tiles::score_line + from + k];
      if (GUARDED && is_hidden(weight)) continue;
      GPU_UNROLL
      for (int i = 0; i < Tiles::thread_values; i++) output[r][i] += weight * v[i];
    }
  }
}

template <typename Tiles, typename Keys>
GPU_FUNCTION void multiply_values(const sdpa_problem &p, const Keys &source, const simt_item &work,
                                  typename Tiles::memory &m, int64_t j, int keys,
                                  float (&output)[Tiles::thread_rows][Tiles::thread_values]) {
  const tensor &v = p.call.value;
  int per_scale = numbers_per_scale(p.call.value_dim, p.call.value_scale_groups);
  int column = gpu::thread() % Tiles::columns, first = gpu::thread() / Tiles::columns * Tiles::thread_rows;
  GPU_UNROLL
  for (int r = 0; r < Tiles::thread_rows; r++) {
    GPU_UNROLL
    for (int i = 0; i < Tiles::thread_values; i++) output[r][i] *= m.correction[first + r];
  }
  for (int from = 0; from < keys; from += Tiles::depth) {
    int count = keys - from < Tiles::depth ? keys - from : Tiles::depth;
    bool finite = true;
    if (from > 0) gpu::barrier();
    for (int i = gpu::thread(); i < count * Tiles::values; i += Tiles::threads) {
      int k = i / Tiles::values, d = i % Tiles::values;
      float x = 0;
      if (d < work.values) {
        x = stored_number<Keys>(v, p.call.value_scale, per_scale, source.place(work.batch, j, from + k), work.kv_head,
                                work.first_value + d);
      }
      finite = finite && x - x == 0;
      m.staged[i] = x;
    }
    if (gpu::barrier_any(!finite)) {
      add_values<Tiles, true>(m, from, count, first, column, output);
    } else {
      add_values<Tiles, false>(m, from, count, first, column, output);
    }
  }
}

// Adds states and output to their totals, and takes these back after the last stretch.
template <typename Tiles>
GPU_FUNCTION void end_stretch(const sdpa_parameters &a, const stretch_end &end, typename Tiles::memory &m,
                              float (&output)[Tiles::thread_rows][Tiles::thread_values]) {
  int first = gpu::thread() / Tiles::columns * Tiles::thread_rows;
  for (int r = gpu::thread(); r < Tiles::rows; r += Tiles::threads) {
    m.keep[r] = end_stretch(end.first, &m.state[r], &m.total[r], a.problem.to_exponent);
    if (end.last) m.state[r].sum = static_cast<float>(m.total[r].sum);
  }
  gpu::barrier();
  double *totals = thread_totals<Tiles>(a);
  GPU_UNROLL
  for (int r = 0; r < Tiles::thread_rows; r++) {
    add_to_totals<Tiles::threads>(end, m.keep[first + r], totals + r * Tiles::thread_values * Tiles::threads,
                                  output[r]);
  }
}

template <typename Tiles>
GPU_FUNCTION void write_partial(const sdpa_parameters &a, const simt_item &work, const typename Tiles::memory &m,
                                const float (&output)[Tiles::thread_rows][Tiles::thread_values]) {
  int column = gpu::thread() % Tiles::columns, first = gpu::thread() / Tiles::columns * Tiles::thread_rows;
  // A block without keys has passed no barrier since it was set.
  gpu::barrier();
  int64_t partial = m.partial;
  for (int r = gpu::thread(); r < work.rows; r += Tiles::threads) {
    a.partial_maximum[partial + r * a.splits] = m.state[r].maximum;
    a.partial_sum[partial + r * a.splits] = m.state[r].sum;
  }
  GPU_UNROLL
  for (int r = 0; r < Tiles::thread_rows; r++) {
    int64_t at = (partial + (first + r) * a.splits) * a.problem.call.value_dim + work.first_value;
    GPU_UNROLL
    for (int i = 0; i < Tiles::thread_values; i++) {
      int d = column * Tiles::thread_values + i;
      if (first + r < work.rows && d < work.values) a.partial_output[at + d] = output[r][i];
    }
  }
}

template <typename Tiles>
GPU_FUNCTION void write_output(const sdpa_problem &p, const simt_item &work, typename Tiles::memory &m,
                               const float (&output)[Tiles::thread_rows][Tiles::thread_values]) {
  const tensor &out = p.call.output;
  int column = gpu::thread() % Tiles::columns, first = gpu::thread() / Tiles::columns * Tiles::thread_rows;
  for (int r = gpu::thread(); r < work.rows; r += Tiles::threads) {
    m.correction[r] = finish_row(p, work.batch, work.kv_head, work.first_row + r, m.state[r], work.first_value == 0);
  }
  gpu::barrier();
  if (finishes_weights(p) && work.first_value == 0) {
    for (int r = gpu::warp(); r < work.rows; r += Tiles::warps) {
      finish_weights(p, work.batch, work.kv_head, work.first_row + r, m.state[r].maximum, m.correction[r], gpu::lane(),
                     gpu::warp_size);
    }
  }
  GPU_UNROLL
  for (int r = 0; r < Tiles::thread_rows; r++) {
    if (first + r >= work.rows) continue;
    int64_t head, query;
    row_heads(p, work.kv_head, work.first_row + first + r, &head, &query);
    int64_t at = offset3(out, work.batch, head, query);
    float factor = m.correction[first + r];
    GPU_UNROLL
    for (int i = 0; i < Tiles::thread_values; i++) {
      int d = column * Tiles::thread_values + i;
      if (d < work.values) set_element(out, at + (work.first_value + d) * out.stride[3], output[r][i] * factor);
    }
  }
}

template <typename Tiles, typename Keys>
GPU_FUNCTION void attend(const sdpa_parameters &a, const Keys &from, const simt_item &work, typename Tiles::memory &m) {
  const sdpa_problem &p = a.problem;
  for (int r = gpu::thread(); r < Tiles::rows; r += Tiles::threads) {
    m.state[r] = begin_softmax();
    if (r < work.rows) m.row[r] = make_row(p, work.batch, work.kv_head, work.first_row + r);
  }
  float output[Tiles::thread_rows][Tiles::thread_values] = {};
  key_range walk = tile_walk(a, position_of(p, work.batch), work.first_row);
  chunk_range chunks = chunks_to_walk(a, walk);
  if (work.split >= chunks.count) return;
  int64_t begin = (chunks.first + work.split) * a.chunk, end = begin + a.chunk;
  if (walk.first > begin) begin = walk.first / Tiles::keys * Tiles::keys;
  if (walk.last < end) end = walk.last;
  if (gpu::thread() == 0) {
    m.first_key = begin;
    m.partial = partial_at(a, work.unit, work.first_row) + work.split;
  }
  for (int64_t j = begin; j < end; j += Tiles::keys) {
    int keys = end - j < Tiles::keys ? static_cast<int>(end - j) : Tiles::keys;
    from.enter(j, keys);
    multiply_keys<Tiles>(p, from, work, m, j, keys);
    gpu::barrier();
    softmax_tile<Tiles>(p, work, m, j, keys);
    gpu::barrier();
    multiply_values<Tiles>(p, from, work, m, j, keys, output);
    int64_t done = j + Tiles::keys - m.first_key, all = end - m.first_key;
    if (ends_stretch<int64_t>(done, all, Tiles::stretch)) {
      end_stretch<Tiles>(a, stretch_end_of<int64_t>(done, all, Tiles::stretch), m, output);
    }
  }
  if (a.splits > 1) {
    write_partial<Tiles>(a, work, m, output);
  } else {
    write_output<Tiles>(p, work, m, output);
  }
  gpu::barrier();
}

template <typename Tiles>
GPU_KERNEL(Tiles::threads, Tiles::blocks)
attention_simt(GPU_PARAMETER sdpa_parameters a) {
  typename Tiles::memory &m = *reinterpret_cast<typename Tiles::memory *>(gpu::shared());
  for (int64_t item = gpu::block(); item < a.items; item += gpu::blocks()) {
    attend<Tiles>(a, rows_of_keys(), take_item<Tiles>(a, item), m);
  }
}

}  // namespace kernels

#endif
