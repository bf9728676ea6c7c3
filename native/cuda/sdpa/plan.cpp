// SPDX-License-Identifier: Apache-2.0
// Which kernel an attention problem gets, and how it is divided into blocks.
#include <inttypes.h>
#include <stdio.h>

#include "base/arithmetic.h"
#include "cuda/sdpa/sdpa.h"
#include "cuda/sdpa/splits.h"

namespace {

using kernels::only;
using kernels::sdpa_kernel_traits;
using kernels::sdpa_table;

// If a block may have so many bytes of shared memory, two blocks of the largest tiles fit into a multiprocessor: Hopper
// has 227 KiB.
constexpr int64_t roomy_shared = 200 * 1024;

// Whether rows can be copied 16 bytes, 8 numbers, at a time.
bool copies_whole(const rapt_tensor &t, int64_t row) {
  bool strides = true;
  for (int d = 0; d < 3; d++) strides = strides && t.stride[d] % 8 == 0;
  return t.stride[3] == 1 && strides && row % 8 == 0 && reinterpret_cast<uintptr_t>(t.data) % 16 == 0;
}

// Whether scores take more than causality and window.
bool is_special(const rapt_sdpa_problem &p) {
  const rapt_sdpa &c = p.call;
  return p.score_scale != 1 || c.options.softcap > 0 || rapt_is_present(&c.mask) || rapt_is_present(&c.bias) ||
         rapt_is_present(&c.alibi_slopes) || rapt_is_present(&c.weights) || rapt_is_present(&p.key_padding) ||
         p.appended_keys > 0;
}

// Whether the weights output is a 16-bit one of the softmax, whose scores scratch keeps as f32.
bool rounds_weights(const rapt_sdpa &c) {
  return rapt_is_present(&c.weights) && c.weights.dtype != RAPT_F32 && c.options.weights_stage == RAPT_WEIGHTS_SOFTMAX;
}

// The head dim that a tensor-core kernel needs to have been compiled for; 0 where none takes the problem.
int32_t bucket_of(const rapt_sdpa &c) {
  int32_t type = c.query.dtype;
  if ((type != RAPT_F16 && type != RAPT_BF16) || c.key.dtype != type || c.value.dtype != type) return 0;
  if (!copies_whole(c.query, c.head_dim) || !copies_whole(c.key, c.head_dim) || !copies_whole(c.value, c.value_dim)) {
    return 0;
  }
  int64_t dim = rapt_max(c.head_dim, c.value_dim);
  return dim <= 64 ? 64 : dim <= 128 ? 128 : dim <= 256 ? 256 : 0;
}

// The most keys that a window and causality let a tile of rows see, wherever it stands.
int64_t most_walked(const rapt_sdpa_problem &p, int64_t tile_rows) {
  const rapt_sdpa &c = p.call;
  const rapt_sdpa_options &o = c.options;
  if (rapt_is_present(&c.weights) || p.appended_keys > 0 || (o.flags & RAPT_WINDOW) == 0) return c.kv_len;
  int64_t left = o.window_left, right = (o.flags & RAPT_CAUSAL) != 0 ? 0 : o.window_right;
  // Queries of a tile that begins within one.
  int64_t queries = rapt_min(rapt_ceil_div(tile_rows - 1, p.group) + 1, c.query_len);
  bool open = left < 0 || right < 0 || left >= c.kv_len || right >= c.kv_len - left;
  return open || queries >= c.kv_len - left - right ? c.kv_len : left + right + queries;
}

// Where causality ends the keys of the last query; kv_len where the plan cannot know.
int64_t last_walked(const rapt_sdpa_problem &p) {
  const rapt_sdpa &c = p.call;
  __extension__ typedef __int128 wide;
  bool known = (c.options.flags & RAPT_CAUSAL) != 0 && !rapt_is_present(&c.positions) && !rapt_is_present(&c.weights);
  if (!known || p.appended_keys > 0) return c.kv_len;
  wide last = static_cast<wide>(c.options.position) + p.first_query + c.query_len;
  return last < 0 ? 0 : last > c.kv_len ? c.kv_len : static_cast<int64_t>(last);
}

// Bytes of the partial results of a sample with one split; INT64_MAX where they are more than 64 bits count.
int64_t partial_bytes(const rapt_sdpa_problem &p) {
  int64_t bytes = sizeof(float);
  bool fits = !__builtin_mul_overflow(bytes, p.call.kv_heads, &bytes) &&
              !__builtin_mul_overflow(bytes, p.rows, &bytes) &&
              !__builtin_mul_overflow(bytes, p.call.value_dim + 2, &bytes);
  return fits ? bytes : INT64_MAX;
}

kernels::sample_kind kind_of(const rapt_sdpa &c) {
  if (rapt_is_present(&c.page_table)) return kernels::sample_kind::pages;
  return rapt_sdpa_varies(&c) ? kernels::sample_kind::own_sizes : kernels::sample_kind::alike;
}

// Sets chunk and splits. How long chunks are does not depend on where the sample stands, which a plan may not know, and
// neither does whether results are merged: only how many blocks are launched for nothing.
void split_keys(const rapt_sdpa_problem &p, const kernels::sdpa_shape &shape, rapt_cuda_sdpa *plan) {
  int64_t keys = rapt_max(p.call.kv_len, 1), blocks, tile_rows = rapt_min(p.rows, shape.rows);
  int64_t walked = rapt_max(most_walked(p, tile_rows), 1);
  plan->chunk = rapt_ceil_div(keys, shape.keys) * shape.keys;
  plan->splits = 1;
  // How many keys a sample has stands on the device.
  if (kind_of(p.call) != kernels::sample_kind::alike) return;
  if (__builtin_mul_overflow(p.call.kv_heads, plan->row_tiles, &blocks) ||
      __builtin_mul_overflow(blocks, plan->value_chunks, &blocks)) {
    return;
  }
  // A window may begin within a chunk, and then touches one more.
  int64_t chunk = rapt_cuda_chunk_of({blocks, walked, tile_rows, shape.keys, partial_bytes(p), walked < keys});
  if (chunk >= walked) return;
  plan->chunk = chunk;
  plan->splits = rapt_min(rapt_ceil_div(keys, chunk), rapt_ceil_div(walked - 1, chunk) + 1);
  plan->splits = rapt_max(2, rapt_min(plan->splits, rapt_ceil_div(last_walked(p), chunk)));
}

bool admits(only rule, bool is) { return rule == only::any || (rule == only::yes) == is; }

// Stems are numbered by path, then family, then storage, then without and with i8.
void name_stem(int stem, char *out, size_t size) {
  static const char *const paths[] = {"prefill", "decode", "mixed"};
  int eights = stem % 2, storage = stem / 2 % rapt_cuda_storages, kind = stem / 2 / rapt_cuda_storages;
  snprintf(out, size, "sdpa_%s_%s%s_cuda_%s", paths[kind / 2], rapt_cuda_storage_name(storage),
           eights != 0 ? "_i8" : "", kind % 2 != 0 ? "mma" : "simt");
}

}  // namespace

const rapt_cuda_names rapt_cuda_sdpa_names = {"sdpa", 3 * 2 * rapt_cuda_storages * 2, name_stem};

int rapt_cuda_sdpa_stem(const rapt_sdpa_problem &problem, int32_t kernel) {
  const rapt_sdpa &c = problem.call;
  int eights = (c.key.dtype == RAPT_I8) + (c.value.dtype == RAPT_I8);
  bool same = c.key.dtype == c.value.dtype && (eights == 2 || c.query.dtype == c.key.dtype);
  const sdpa_kernel_traits &t = sdpa_table.of[kernel];
  int path = t.samples != kernels::sample_kind::alike ? 2 : t.decode, kind = 2 * path + (t.bucket != 0);
  return 2 * (kind * rapt_cuda_storages + rapt_cuda_storage(c.query.dtype, same)) + (eights > 0);
}

void rapt_cuda_name_sdpa(const rapt_sdpa_problem &problem, int32_t kernel, char *out, size_t size) {
  const sdpa_kernel_traits &traits = sdpa_table.of[kernel];
  char stem[rapt_cuda_name_room];
  name_stem(rapt_cuda_sdpa_stem(problem, kernel), stem, sizeof stem);
  snprintf(out, size, "%.60s_d%" PRId64 "%s%s%s", stem, traits.bucket != 0 ? traits.bucket : problem.call.head_dim,
           traits.special == only::yes ? "_special" : "", traits.narrow == only::yes ? "_narrow" : "",
           traits.samples == kernels::sample_kind::pages ? "_paged" : "");
}

void rapt_cuda_name_sdpa_plan(const rapt_sdpa_problem &problem, const rapt_cuda_sdpa &plan, char *out, size_t size) {
  char kernel[rapt_cuda_name_room], splits[32] = "";
  rapt_cuda_name_sdpa(problem, plan.kernel, kernel, sizeof kernel);
  if (plan.splits > 1) snprintf(splits, sizeof splits, "_split%" PRId64, plan.splits);
  snprintf(out, size, "%.90s%s", kernel, splits);
}

bool rapt_cuda_sdpa_fits(const rapt_cuda_properties &device, int32_t kernel, int32_t query_dtype) {
  return admits(sdpa_table.of[kernel].narrow, device.shared_per_block_optin < roomy_shared) &&
         kernels::sdpa_shape_of(kernel, query_dtype).shared <= device.shared_per_block_optin;
}

rapt_cuda_sdpa_candidates::rapt_cuda_sdpa_candidates(const rapt_cuda_properties &device, const rapt_sdpa_problem &p)
    : problem(p), count(0), kernels() {
  bool special = is_special(p);
  int32_t bucket = bucket_of(p.call);
  for (int32_t k = 0; k < kernels::sdpa_kernels; k++) {
    const sdpa_kernel_traits &t = sdpa_table.of[k];
    if (t.samples != kind_of(p.call)) continue;
    if (t.bucket != 0 && (t.bucket != bucket || !admits(t.special, special))) continue;
    if (t.decode && p.rows > kernels::sdpa_shape_of(k, p.call.query.dtype).rows) continue;
    if (!rapt_cuda_sdpa_fits(device, k, p.call.query.dtype)) continue;
    kernels[count++] = k;
  }
}

bool rapt_cuda_plan_sdpa(const rapt_sdpa_problem &problem, int32_t kernel, rapt_cuda_sdpa *plan) {
  const rapt_sdpa &c = problem.call;
  kernels::sdpa_shape shape = kernels::sdpa_shape_of(kernel, c.query.dtype);
  *plan = rapt_cuda_sdpa();
  plan->kernel = kernel;
  plan->special = is_special(problem);
  plan->row_tiles = rapt_ceil_div(problem.rows, shape.rows);
  plan->value_chunks = rapt_ceil_div(c.value_dim, shape.values);
  split_keys(problem, shape, plan);
  plan->samples = c.batch;
  if (plan->splits > 1) {
    int64_t sample = rapt_max(partial_bytes(problem) * plan->splits, 1);
    plan->samples = rapt_clamp(rapt_cuda_most_partial_bytes / sample, 1, c.batch);
  }
  return rapt_cuda_count_sdpa(problem, plan);
}

bool rapt_cuda_count_sdpa(const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan) {
  const rapt_sdpa &c = problem.call;
  kernels::sdpa_shape shape = kernels::sdpa_shape_of(plan->kernel, c.query.dtype);
  int64_t rows = problem.rows, units, all, items, partials = 0, floats, totals;
  if (__builtin_mul_overflow(c.batch, c.kv_heads, &all) || __builtin_mul_overflow(all, plan->row_tiles, &items) ||
      __builtin_mul_overflow(items, plan->splits * plan->value_chunks, &items)) {
    return false;
  }
  units = plan->samples * c.kv_heads;
  if (plan->splits > 1 && (__builtin_mul_overflow(units, rows * plan->splits, &partials) ||
                           __builtin_mul_overflow(partials, c.value_dim + 2, &partials))) {
    return false;
  }
  // Ragged queries are no more than their total.
  int64_t shown = rapt_is_present(&c.query_starts) ? c.query_heads : all;
  int64_t shown_rows = rapt_is_present(&c.query_starts) ? c.total_queries : rows;
  if (rounds_weights(c) && (__builtin_mul_overflow(shown, shown_rows, &plan->kept_scores) ||
                            __builtin_mul_overflow(plan->kept_scores, c.kv_len, &plan->kept_scores))) {
    return false;
  }
  plan->totals = plan->chunk > shape.stretch ? rapt_min(items, kernels::most_totals) : 0;
  totals = plan->totals * shape.totals * static_cast<int64_t>(sizeof(double));
  return !__builtin_add_overflow(partials, plan->kept_scores, &floats) &&
         !__builtin_mul_overflow(floats, static_cast<int64_t>(sizeof(float)), &plan->scratch) &&
         !__builtin_add_overflow(plan->scratch, totals, &plan->scratch);
}
