// SPDX-License-Identifier: Apache-2.0
// Which kernel an attention problem gets, and how it is cut into blocks.
#include <stdio.h>
#include <string.h>

#include "cuda/sdpa/kernels.h"
#include "cuda/sdpa/sdpa.h"

namespace {

// Query rows of a unit up to which the keys are split over blocks: one tile of the decode kernels.
constexpr int64_t decode_rows = 16;
// Keys per split: enough that a split's own traffic (its partial output) is small beside the keys it reads.
constexpr int64_t least_chunk = 256;
// A multiple of every kernel's key tile.
constexpr int64_t chunk_step = 128;
// Shared memory of a block from which on two blocks of the largest tiles fit a multiprocessor: Hopper has 227 KiB.
constexpr int64_t roomy_shared = 200 * 1024;
constexpr int64_t simt_prefill_rows = 64;
constexpr int64_t simt_values = 128;

int64_t ceiling(int64_t x, int64_t by) { return x / by + (x % by != 0); }

const char *type_name(int32_t dtype) {
  return dtype == RAPT_F32 ? "f32" : dtype == RAPT_F16 ? "f16" : dtype == RAPT_BF16 ? "bf16" : "unknown";
}

bool is_float(const rapt_tensor &t) { return t.dtype == RAPT_F32 || t.dtype == RAPT_F16 || t.dtype == RAPT_BF16; }

bool is_stored(const rapt_tensor &t) { return is_float(t) || t.dtype == RAPT_I8; }

int fail(rapt_cuda_sdpa *plan, const char *reason) {
  plan->family = RAPT_CUDA_NONE;
  snprintf(plan->reason, sizeof plan->reason, "%s", reason);
  return 0;
}

void name_plan(const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan) {
  const rapt_sdpa &c = problem.call;
  int eights = (c.key.dtype == RAPT_I8) + (c.value.dtype == RAPT_I8);
  bool same = c.key.dtype == c.value.dtype && (eights == 2 || c.query.dtype == c.key.dtype);
  snprintf(plan->name, sizeof plan->name, "sdpa_%s_%s%s_cuda_%s_d%d", plan->decode ? "decode" : "prefill",
           same ? type_name(c.query.dtype) : "mixed", eights > 0 ? "_i8" : "",
           plan->family == RAPT_CUDA_MMA ? "mma" : "simt",
           static_cast<int>(plan->family == RAPT_CUDA_MMA ? plan->bucket : c.head_dim));
}

bool fits_name(const rapt_cuda_sdpa &plan, const char *forced) {
  return forced == nullptr || strncmp(plan.name, forced, strlen(forced)) == 0;
}

// Whether rows can be copied 16 bytes at a time.
bool copies_whole(const rapt_tensor &t, int64_t row, int64_t alignment) {
  bool strides = true;
  for (int d = 0; d < 3; d++) strides = strides && t.stride[d] % alignment == 0;
  return t.stride[3] == 1 && strides && row % alignment == 0 && reinterpret_cast<uintptr_t>(t.data) % 16 == 0;
}

// Whether scores take more than causality and window.
bool is_special(const rapt_sdpa_problem &p) {
  const rapt_sdpa &c = p.call;
  return p.score_scale != 1 || c.options.softcap > 0 || c.mask.data != nullptr || c.bias.data != nullptr ||
         c.alibi_slopes.data != nullptr || c.weights.data != nullptr || p.key_padding.data != nullptr ||
         p.appended_keys > 0;
}

// Fills in a tensor-core plan; false where those kernels do not take the problem.
bool plan_mma(const rapt_cuda_properties &properties, const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan) {
  const rapt_sdpa &c = problem.call;
  int32_t type = c.query.dtype;
  if ((type != RAPT_F16 && type != RAPT_BF16) || c.key.dtype != type || c.value.dtype != type) return false;
  // Numbers in 16 bytes.
  constexpr int64_t piece = 8;
  if (!copies_whole(c.query, c.head_dim, piece) || !copies_whole(c.key, c.head_dim, piece) ||
      !copies_whole(c.value, c.value_dim, piece)) {
    return false;
  }
  int64_t dim = c.head_dim > c.value_dim ? c.head_dim : c.value_dim;
  if (dim > 256) return false;
  plan->family = RAPT_CUDA_MMA;
  plan->bucket = dim <= 64 ? 64 : dim <= 128 ? 128 : 256;
  plan->narrow = properties.shared_per_block_optin < roomy_shared;
  kernels::mma_choice kernel = {plan->bucket, plan->decode, plan->special, plan->narrow};
  kernels::mma_shape shape = type == RAPT_F16 ? kernels::mma_shape_f16(kernel) : kernels::mma_shape_bf16(kernel);
  plan->tile_rows = static_cast<int32_t>(shape.rows);
  plan->value_chunks = 1;
  return shape.shared <= properties.shared_per_block_optin;
}

void plan_simt(const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan) {
  plan->family = RAPT_CUDA_SIMT;
  plan->tile_rows = static_cast<int32_t>(plan->decode ? decode_rows : simt_prefill_rows);
  plan->value_chunks = ceiling(problem.call.value_dim, simt_values);
}

// Splits and scratch; false where they overflow.
bool cut(const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan) {
  const rapt_sdpa &c = problem.call;
  int64_t rows = problem.rows, units, items, floats;
  plan->row_tiles = ceiling(rows, plan->tile_rows);
  plan->chunk = ceiling(c.kv_len > 0 ? c.kv_len : 1, chunk_step) * chunk_step;
  plan->splits = 1;
  plan->scratch = 0;
  if (plan->decode) {
    int64_t chunk = ceiling(ceiling(c.kv_len, kernels::most_splits), chunk_step) * chunk_step;
    plan->chunk = chunk < least_chunk ? least_chunk : chunk;
    plan->splits = c.kv_len > plan->chunk ? ceiling(c.kv_len, plan->chunk) : 1;
  }
  if (__builtin_mul_overflow(c.batch, c.kv_heads, &units) || __builtin_mul_overflow(units, plan->row_tiles, &items) ||
      __builtin_mul_overflow(items, plan->splits * plan->value_chunks, &items)) {
    return false;
  }
  if (plan->splits == 1) return true;
  return !__builtin_mul_overflow(units, rows * plan->splits, &floats) &&
         !__builtin_mul_overflow(floats, (c.value_dim + 2) * static_cast<int64_t>(sizeof(float)), &plan->scratch);
}

}  // namespace

int rapt_cuda_plan_sdpa(const rapt_cuda_properties &properties, const rapt_sdpa_problem &problem, const char *forced,
                        rapt_cuda_sdpa *plan) {
  const rapt_sdpa &c = problem.call;
  *plan = rapt_cuda_sdpa{};
  if (!is_float(c.query) || !is_stored(c.key) || !is_stored(c.value) || !is_float(c.output)) {
    return fail(plan, "the CUDA kernels take f32, f16 and bf16, and i8 for key and value");
  }
  if (properties.capability < 80) return fail(plan, "the CUDA kernels need a GPU of compute capability 8.0 or newer");
  // The best first.
  int few = problem.rows <= decode_rows;
  for (int choice = 0; choice < 4; choice++) {
    *plan = rapt_cuda_sdpa{};
    plan->decode = choice % 2 == 0;
    plan->special = is_special(problem);
    if (plan->decode && !few) continue;
    if (choice >= 2) {
      plan_simt(problem, plan);
    } else if (!plan_mma(properties, problem, plan)) {
      continue;
    }
    name_plan(problem, plan);
    if (!fits_name(*plan, forced)) continue;
    if (c.batch == 0 || c.query_len == 0) {
      plan->family = RAPT_CUDA_EMPTY;
      return 1;
    }
    return cut(problem, plan) ? 1 : fail(plan, "the sizes are too large for this library");
  }
  char reason[sizeof plan->reason];
  snprintf(reason, sizeof reason, "no CUDA kernel for this problem has a name that begins with %.100s", forced);
  return fail(plan, reason);
}
