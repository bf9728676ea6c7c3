// SPDX-License-Identifier: Apache-2.0
// Attention for samples with sizes of their own, on plain cores: key lengths, ragged queries and keys, pages.
//
// A block reads the sizes of its sample on the device and makes of them the parameters of that sample alone, in shared
// memory; the rest is the kernel for one sample (simt.h). So each sample has the bits that it has alone on plain cores,
// as long as its keys are not split there, which they never are here. Sizes that contradict each other are brought into
// their range, and a page that does not exist makes the numbers in it NaN: nothing outside the tensors is read.
#ifndef RAPT_CUDA_SDPA_SAMPLES_H
#define RAPT_CUDA_SDPA_SAMPLES_H

#include "cuda/sdpa/simt.h"

namespace kernels {

// The fields of rapt_sdpa that say how samples differ; the greatest sizes are those of the problem.
struct sample_tensors {
  tensor key_lengths;
  tensor query_starts;
  tensor key_starts;
  tensor page_table;
  int64_t query_len;
  int64_t total_queries;
  int64_t total_keys;
  int64_t pages;
  int64_t page_size;
};

struct samples_parameters {
  // `rows` and kv_len are a sample's most.
  sdpa_parameters all;
  sample_tensors samples;
};

// What a sample has: the tokens of ragged tensors that are its own, and where its query 0 stands.
struct sample_sizes {
  int64_t first_query;
  int64_t queries;
  int64_t first_key;
  int64_t keys;
  int64_t position;
};

GPU_FUNCTION int64_t clamped(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

// Sample b's tokens in a ragged tensor of `total`: the first, and how many, at most `most`.
GPU_FUNCTION void find_tokens(const tensor &starts, int64_t b, int64_t total, int64_t most, int64_t *first,
                              int64_t *count) {
  *first = clamped(index_at(starts, b * starts.stride[0]), 0, total);
  int64_t left = total - *first;
  *count = clamped(index_at(starts, (b + 1) * starts.stride[0]), *first, *first + (most < left ? most : left)) - *first;
}

GPU_FUNCTION sample_sizes sizes_of(const samples_parameters &s, int64_t b) {
  const sdpa_call &c = s.all.problem.call;
  const sample_tensors &t = s.samples;
  sample_sizes sample = {0, t.query_len, 0, c.kv_len, c.options.position};
  if (is_present(t.query_starts)) {
    find_tokens(t.query_starts, b, t.total_queries, t.query_len, &sample.first_query, &sample.queries);
  }
  if (is_present(t.key_starts)) find_tokens(t.key_starts, b, t.total_keys, c.kv_len, &sample.first_key, &sample.keys);
  if (is_present(t.key_lengths)) {
    sample.keys = clamped(index_at(t.key_lengths, b * t.key_lengths.stride[0]), 0, sample.keys);
  }
  if (is_present(t.page_table) && t.pages == 0) sample.keys = 0;
  if (is_present(c.positions)) sample.position = position_of(s.all.problem, b);
  if ((c.options.flags & RAPT_BOTTOM_RIGHT) != 0) sample.position = sample.keys - sample.queries;
  return sample;
}

// Moves a tensor, if it is there, by as many elements.
GPU_FUNCTION void advance(tensor *t, int64_t elements) {
  if (!is_present(*t)) return;
  int64_t size = t->dtype == RAPT_F32 ? 4 : t->dtype == RAPT_F16 || t->dtype == RAPT_BF16 ? 2 : 1;
  t->data = static_cast<unsigned char *>(t->data) + elements * size;
}

// Turns the parameters of all samples into those of sample b alone.
GPU_FUNCTION void take_sample(const sample_tensors &t, int64_t b, const sample_sizes &sample, sdpa_parameters *a) {
  sdpa_problem &p = a->problem;
  sdpa_call &c = p.call;
  int64_t query_batch = is_present(t.query_starts) ? 0 : b, key_batch = is_present(t.key_starts) ? 0 : b;
  tensor *const by_query[] = {&c.query, &c.output, &c.lse, &c.weights, &p.shown};
  tensor *const by_key[] = {&c.key, &c.value, &c.key_scale, &c.value_scale};
  tensor *const by_sample[] = {&c.mask, &c.bias, &c.alibi_slopes, &c.sinks};
  for (tensor *rows : by_query) advance(rows, query_batch * rows->stride[0] + sample.first_query * rows->stride[2]);
  // Where keys lie in pages, a page is what a batch entry is elsewhere.
  for (tensor *rows : by_key) {
    if (is_present(t.page_table)) break;
    advance(rows, key_batch * rows->stride[0] + sample.first_key * rows->stride[2]);
  }
  for (tensor *own : by_sample) advance(own, b * own->stride[0]);
  c.positions.data = nullptr;
  c.options.position = sample.position;
  c.batch = 1;
  c.kv_len = sample.keys;
  p.rows = p.group * sample.queries;
  a->first_unit = 0;
}

// Keys in pages. The places of a tile's keys are looked up once, in shared memory.
template <int KEYS, int THREADS>
struct keys_in_pages {
  static constexpr bool checked = true;
  struct memory {
    // -1: the page does not exist.
    int64_t page[KEYS];
    int64_t row[KEYS];
  };
  const sample_tensors *samples;
  int64_t sample;
  memory *places;

  GPU_FUNCTION void enter(int64_t j, int keys) const {
    const tensor &table = samples->page_table;
    // All threads are done with the tile before.
    gpu::barrier();
    for (int line = gpu::thread(); line < keys; line += THREADS) {
      int64_t key = j + line;
      int64_t page = index_at(table, offset2(table, sample, key / samples->page_size));
      places->page[line] = page >= 0 && page < samples->pages ? page : -1;
      places->row[line] = key % samples->page_size;
    }
  }
  GPU_FUNCTION key_place place(int64_t, int64_t, int line) const { return {places->page[line], places->row[line]}; }
};

template <typename Tiles>
using tile_pages = keys_in_pages<Tiles::keys, Tiles::threads>;

template <typename Tiles, bool PAGED>
struct samples_memory {
  typename Tiles::memory tiles;
  typename keys_in_pages<PAGED ? Tiles::keys : 1, Tiles::threads>::memory places;
  // Of the block's sample.
  sdpa_parameters own;
};

// Whether the kernel of these tiles takes a sample: of the two on plain cores the one that it would get alone.
template <typename Tiles>
GPU_FUNCTION bool takes_rows(int64_t rows) {
  return (rows <= few_rows) == (Tiles::rows == few_rows);
}

template <typename Tiles, bool PAGED>
GPU_KERNEL(Tiles::threads, 1)
attention_samples(GPU_PARAMETER samples_parameters s) {
  samples_memory<Tiles, PAGED> &m = *reinterpret_cast<samples_memory<Tiles, PAGED> *>(gpu::shared());
  for (int64_t item = gpu::block(); item < s.all.items; item += gpu::blocks()) {
    simt_item work = take_item<Tiles>(s.all, item);
    int64_t sample = work.batch;
    if (gpu::thread() == 0) {
      m.own = s.all;
      take_sample(s.samples, sample, sizes_of(s, sample), &m.own);
    }
    gpu::barrier();
    int64_t rows = m.own.problem.rows - work.first_row;
    if (rows > 0 && takes_rows<Tiles>(m.own.problem.rows)) {
      work.unit = work.kv_head;
      work.batch = 0;
      work.rows = rows < Tiles::rows ? static_cast<int>(rows) : Tiles::rows;
      if constexpr (PAGED) {
        attend<Tiles>(m.own, tile_pages<Tiles>{&s.samples, sample, &m.places}, work, m.tiles);
      } else {
        attend<Tiles>(m.own, rows_of_keys(), work, m.tiles);
      }
    }
    gpu::barrier();
  }
}

constexpr int missing_threads = 256;

// The weights of keys that a sample has fewer than the longest one.
GPU_KERNEL(missing_threads, 1)
attention_missing(GPU_PARAMETER samples_parameters s) {
  const sdpa_problem &p = s.all.problem;
  const sdpa_call &c = p.call;
  float weight = c.options.weights_stage == RAPT_WEIGHTS_SOFTMAX ? 0.0f : lowest();
  int64_t heads = p.group * c.kv_heads;
  for (int64_t item = gpu::block(); item < c.batch * heads; item += gpu::blocks()) {
    int64_t b = item / heads, head = item % heads;
    sample_sizes sample = sizes_of(s, b);
    int64_t batch = is_present(s.samples.query_starts) ? 0 : b, missing = c.kv_len - sample.keys;
    for (int64_t n = gpu::thread(); n < sample.queries * missing; n += missing_threads) {
      int64_t query = sample.first_query + n / missing, j = sample.keys + n % missing;
      set_element(c.weights, offset3(c.weights, batch, head, query) + j * c.weights.stride[3], weight);
    }
  }
}

}  // namespace kernels

#endif
