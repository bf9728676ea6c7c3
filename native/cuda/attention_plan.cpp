// SPDX-License-Identifier: Apache-2.0
// Which kernel an attention problem gets, and how it is cut into blocks.
#include <stdio.h>
#include <string.h>

#include "cuda/attention.h"

namespace {

// Query rows of a unit up to which the keys are split over blocks: one tile of the decode kernels.
constexpr int64_t decode_rows = 16;
// Keys per split: enough that a split's own traffic (its partial output) is small beside the keys it reads; no more
// splits than keep the merge short.
constexpr int64_t least_chunk = 256;
constexpr int64_t most_splits = 64;
// A multiple of every kernel's key tile.
constexpr int64_t chunk_step = 128;
constexpr int64_t simt_prefill_rows = 64;
constexpr int64_t simt_values = 128;

int64_t ceiling(int64_t x, int64_t by) { return x / by + (x % by != 0); }

const char *type_name(int32_t dtype) {
  return dtype == RAPT_F32 ? "f32" : dtype == RAPT_F16 ? "f16" : dtype == RAPT_BF16 ? "bf16" : "unknown";
}

bool is_float(const rapt_tensor &t) { return t.dtype == RAPT_F32 || t.dtype == RAPT_F16 || t.dtype == RAPT_BF16; }

int fail(rapt_cuda_attention *plan, const char *reason) {
  plan->family = RAPT_CUDA_NONE;
  snprintf(plan->reason, sizeof plan->reason, "%s", reason);
  return 0;
}

void name_plan(const rapt_problem &problem, rapt_cuda_attention *plan) {
  const rapt_attention &c = problem.call;
  bool same = c.query.dtype == c.key.dtype && c.key.dtype == c.value.dtype;
  snprintf(plan->name, sizeof plan->name, "sdpa_%s_%s_cuda_%s_d%d", plan->decode ? "decode" : "prefill",
           same ? type_name(c.query.dtype) : "mixed", plan->family == RAPT_CUDA_MMA ? "mma" : "simt",
           static_cast<int>(plan->family == RAPT_CUDA_MMA ? plan->bucket : c.head_dim));
}

bool fits_name(const rapt_cuda_attention &plan, const char *forced) {
  return forced == nullptr || strncmp(plan.name, forced, strlen(forced)) == 0;
}

// Splits and scratch; false where they overflow.
bool cut(const rapt_problem &problem, rapt_cuda_attention *plan) {
  const rapt_attention &c = problem.call;
  int64_t rows = problem.rows, units, items, floats;
  plan->row_tiles = ceiling(rows, plan->tile_rows);
  plan->chunk = ceiling(c.kv_len > 0 ? c.kv_len : 1, chunk_step) * chunk_step;
  plan->splits = 1;
  plan->scratch = 0;
  if (plan->decode) {
    int64_t chunk = ceiling(ceiling(c.kv_len, most_splits), chunk_step) * chunk_step;
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

int rapt_cuda_plan_attention(const rapt_cuda_properties &properties, const rapt_problem &problem, const char *forced,
                             rapt_cuda_attention *plan) {
  const rapt_attention &c = problem.call;
  *plan = rapt_cuda_attention{};
  if (!is_float(c.query) || !is_float(c.key) || !is_float(c.value) || !is_float(c.output)) {
    return fail(plan, "the CUDA kernels take f32, f16 and bf16");
  }
  if (properties.capability < 80) return fail(plan, "the CUDA kernels need a GPU of compute capability 8.0 or newer");
  // The best first.
  for (int decode = problem.rows <= decode_rows; decode >= 0; decode--) {
    *plan = rapt_cuda_attention{};
    plan->family = RAPT_CUDA_SIMT;
    plan->decode = decode;
    plan->tile_rows = static_cast<int32_t>(decode ? decode_rows : simt_prefill_rows);
    plan->value_chunks = ceiling(c.value_dim, simt_values);
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
