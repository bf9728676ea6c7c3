// SPDX-License-Identifier: Apache-2.0
// Which kernel an attention problem gets, and how it is divided into blocks.
#include <inttypes.h>
#include <stdio.h>

#include "base/arithmetic.h"
#include "cuda/sdpa/sdpa.h"

namespace {

using kernels::chunk_step;
using kernels::only;
using kernels::sdpa_kernel_traits;
using kernels::sdpa_table;

// The fewest keys of a split: enough that writing its partial output costs little beside reading its keys.
constexpr int64_t least_chunk = 256;
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

bool admits(only rule, bool is) { return rule == only::any || (rule == only::yes) == is; }

// Stems are numbered by path, then family, then storage, then without and with i8.
void name_stem(int stem, char *out, size_t size) {
  int eights = stem % 2, storage = stem / 2 % rapt_cuda_storages, kind = stem / 2 / rapt_cuda_storages;
  snprintf(out, size, "sdpa_%s_%s%s_cuda_%s", kind / 2 != 0 ? "decode" : "prefill", rapt_cuda_storage_name(storage),
           eights != 0 ? "_i8" : "", kind % 2 != 0 ? "mma" : "simt");
}

}  // namespace

const rapt_cuda_names rapt_cuda_sdpa_names = {"sdpa", 2 * 2 * rapt_cuda_storages * 2, name_stem};

int rapt_cuda_sdpa_stem(const rapt_sdpa_problem &problem, int32_t kernel) {
  const rapt_sdpa &c = problem.call;
  int eights = (c.key.dtype == RAPT_I8) + (c.value.dtype == RAPT_I8);
  bool same = c.key.dtype == c.value.dtype && (eights == 2 || c.query.dtype == c.key.dtype);
  int kind = 2 * sdpa_table.of[kernel].decode + (sdpa_table.of[kernel].bucket != 0);
  return 2 * (kind * rapt_cuda_storages + rapt_cuda_storage(c.query.dtype, same)) + (eights > 0);
}

void rapt_cuda_name_sdpa(const rapt_sdpa_problem &problem, int32_t kernel, char *out, size_t size) {
  const sdpa_kernel_traits &traits = sdpa_table.of[kernel];
  char stem[rapt_cuda_name_room];
  name_stem(rapt_cuda_sdpa_stem(problem, kernel), stem, sizeof stem);
  snprintf(out, size, "%.60s_d%" PRId64 "%s%s", stem, traits.bucket != 0 ? traits.bucket : problem.call.head_dim,
           traits.special == only::yes ? "_special" : "", traits.narrow == only::yes ? "_narrow" : "");
}

rapt_cuda_sdpa_candidates::rapt_cuda_sdpa_candidates(const rapt_cuda_properties &device, const rapt_sdpa_problem &p)
    : problem(p), count(0), kernels() {
  bool special = is_special(p), narrow = device.shared_per_block_optin < roomy_shared;
  int32_t bucket = bucket_of(p.call);
  for (int32_t k = 0; k < kernels::sdpa_kernels; k++) {
    const sdpa_kernel_traits &t = sdpa_table.of[k];
    if (t.bucket != 0 && (t.bucket != bucket || !admits(t.special, special) || !admits(t.narrow, narrow))) continue;
    kernels::sdpa_shape shape = kernels::sdpa_shape_of(k, p.call.query.dtype);
    if ((t.decode && p.rows > shape.rows) || shape.shared > device.shared_per_block_optin) continue;
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
  plan->chunk = rapt_ceil_div(rapt_max(c.kv_len, 1), chunk_step) * chunk_step;
  plan->splits = 1;
  if (sdpa_table.of[kernel].decode) {
    int64_t chunk = rapt_ceil_div(rapt_ceil_div(c.kv_len, kernels::most_splits), chunk_step) * chunk_step;
    plan->chunk = rapt_max(chunk, least_chunk);
    plan->splits = c.kv_len > plan->chunk ? rapt_ceil_div(c.kv_len, plan->chunk) : 1;
  }
  return rapt_cuda_count_sdpa(problem, plan);
}

bool rapt_cuda_count_sdpa(const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan) {
  const rapt_sdpa &c = problem.call;
  kernels::sdpa_shape shape = kernels::sdpa_shape_of(plan->kernel, c.query.dtype);
  int64_t rows = problem.rows, units, items, partials = 0, floats, totals;
  if (__builtin_mul_overflow(c.batch, c.kv_heads, &units) || __builtin_mul_overflow(units, plan->row_tiles, &items) ||
      __builtin_mul_overflow(items, plan->splits * plan->value_chunks, &items)) {
    return false;
  }
  if (plan->splits > 1 && (__builtin_mul_overflow(units, rows * plan->splits, &partials) ||
                           __builtin_mul_overflow(partials, c.value_dim + 2, &partials))) {
    return false;
  }
  if (rounds_weights(c) && (__builtin_mul_overflow(units, rows, &plan->kept_scores) ||
                            __builtin_mul_overflow(plan->kept_scores, c.kv_len, &plan->kept_scores))) {
    return false;
  }
  plan->totals = plan->chunk > shape.stretch ? rapt_min(items, kernels::most_totals) : 0;
  totals = plan->totals * shape.totals * static_cast<int64_t>(sizeof(double));
  return !__builtin_add_overflow(partials, plan->kept_scores, &floats) &&
         !__builtin_mul_overflow(floats, static_cast<int64_t>(sizeof(float)), &plan->scratch) &&
         !__builtin_add_overflow(plan->scratch, totals, &plan->scratch);
}
