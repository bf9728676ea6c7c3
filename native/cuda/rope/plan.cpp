// SPDX-License-Identifier: Apache-2.0
// Which kernel a rotary embedding gets.
#include <stdio.h>
#include <string.h>

#include "cuda/rope/rope.h"

namespace {

// Heads per thread where there is enough to do: that many loads are then under way, for one load of the angles.
constexpr int32_t most_heads = 4;
// Threads that a multiprocessor holds.
constexpr double resident_threads = 2048;

int64_t size_of(int32_t dtype) { return dtype == RAPT_F32 ? 4 : 2; }

const char *type_name(const rapt_rope &c) {
  if (c.input.dtype != c.output.dtype) return "mixed";
  return c.input.dtype == RAPT_F32 ? "f32" : c.input.dtype == RAPT_F16 ? "f16" : "bf16";
}

// Whether rows of the tensor, `rank` strides of which count, begin at multiples of 16 bytes and are contiguous.
bool rows_are_aligned(const rapt_tensor &t, int32_t rank) {
  bool aligned = t.stride[rank - 1] == 1 && reinterpret_cast<uintptr_t>(t.data) % 16 == 0;
  for (int32_t d = 0; d < rank - 1; d++) aligned = aligned && t.stride[d] * size_of(t.dtype) % 16 == 0;
  return aligned;
}

bool fits_vector(const rapt_rope &c) {
  int64_t numbers = 16 / size_of(c.input.dtype);
  int32_t type = c.input.dtype, angle = c.cosine.dtype, rank = c.positions.data != nullptr ? 2 : 3;
  return c.output.dtype == type && c.sine.dtype == angle && (angle == type || angle == RAPT_F32) &&
         c.rotary_dim % (2 * numbers) == 0 && c.head_dim % numbers == 0 && rows_are_aligned(c.input, 4) &&
         rows_are_aligned(c.output, 4) && rows_are_aligned(c.cosine, rank) && rows_are_aligned(c.sine, rank);
}

int32_t heads_per_thread(const rapt_cuda_properties &device, const rapt_rope &c) {
  double numbers = static_cast<double>(2 * 16 / size_of(c.input.dtype));
  double threads = static_cast<double>(c.batch) * static_cast<double>(c.length) * static_cast<double>(c.heads) *
                   static_cast<double>(c.head_dim) / numbers;
  double each = threads / (resident_threads * device.multiprocessors);
  return each < 2 ? 1 : each < most_heads ? 2 : most_heads;
}

int fail(rapt_cuda_rope *plan, const char *reason) {
  plan->family = RAPT_CUDA_ROPE_NONE;
  snprintf(plan->reason, sizeof plan->reason, "%s", reason);
  return 0;
}

}  // namespace

int rapt_cuda_plan_rope(const rapt_cuda_properties &device, const rapt_rope &call, const char *prefix,
                        rapt_cuda_rope *plan) {
  *plan = rapt_cuda_rope{};
  if (device.capability < 80) return fail(plan, "the CUDA kernels need a GPU of compute capability 8.0 or newer");
  char rotary[32] = "";
  if (call.rotary_dim != call.head_dim) snprintf(rotary, sizeof rotary, "_r%d", static_cast<int>(call.rotary_dim));
  for (int family = RAPT_CUDA_ROPE_VECTOR; family >= RAPT_CUDA_ROPE_SCALAR; family--) {
    bool vector = family == RAPT_CUDA_ROPE_VECTOR;
    if (vector && !fits_vector(call)) continue;
    snprintf(plan->name, sizeof plan->name, "rope_%s%s_cuda_%s_d%d%s",
             (call.flags & RAPT_ROPE_INTERLEAVED) != 0 ? "interleaved_" : "", type_name(call),
             vector ? "vector" : "scalar", static_cast<int>(call.head_dim), rotary);
    if (prefix != nullptr && strncmp(plan->name, prefix, strlen(prefix)) != 0) continue;
    plan->family = call.batch == 0 || call.length == 0 ? static_cast<int>(RAPT_CUDA_ROPE_EMPTY) : family;
    plan->heads = vector ? heads_per_thread(device, call) : 1;
    return 1;
  }
  char reason[sizeof plan->reason];
  snprintf(reason, sizeof reason, "no CUDA kernel for this rotary embedding has a name that begins with %.100s",
           prefix);
  return fail(plan, reason);
}
