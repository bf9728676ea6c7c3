// SPDX-License-Identifier: Apache-2.0
// Which kernel a projection gets.
#include <stdio.h>
#include <string.h>

#include "cuda/linear/family.h"
#include "cuda/linear/linear.h"

namespace {

// As the kernels are written.
constexpr int64_t simt_tile = 64;
constexpr int64_t mma_tile = 128;
constexpr int64_t mma_shared = 3 * (128 + 128) * 64 * 2;

int64_t ceiling(int64_t x, int64_t by) { return x / by + (x % by != 0); }

bool is_float(int32_t dtype) { return dtype == RAPT_F32 || dtype == RAPT_F16 || dtype == RAPT_BF16; }

const char *type_name(int32_t dtype) { return dtype == RAPT_F32 ? "f32" : dtype == RAPT_F16 ? "f16" : "bf16"; }

int fail(rapt_cuda_linear *plan, const char *reason) {
  plan->family = RAPT_CUDA_LINEAR_NONE;
  snprintf(plan->reason, sizeof plan->reason, "%s", reason);
  return 0;
}

// Whether tensor cores take it: whole pieces of 8 numbers, in rows aligned to 16 bytes.
bool fits_mma(const rapt_cuda_properties &device, const rapt_cuda_product &p) {
  const rapt_tensor &in = p.input;
  return in.dtype == p.weight_dtype && in.dtype != RAPT_F32 && p.in_features % 8 == 0 && in.stride[2] == 1 &&
         in.stride[0] % 8 == 0 && in.stride[1] % 8 == 0 && reinterpret_cast<uintptr_t>(in.data) % 16 == 0 &&
         reinterpret_cast<uintptr_t>(p.weight) % 16 == 0 && mma_shared <= device.shared_per_block_optin;
}

}  // namespace

int rapt_cuda_plan_linear(const rapt_cuda_properties &device, const rapt_cuda_product &product, const char *prefix,
                          rapt_cuda_linear *plan) {
  *plan = rapt_cuda_linear{};
  if (!is_float(product.input.dtype) || !is_float(product.output.dtype) || !is_float(product.weight_dtype)) {
    return fail(plan, "the CUDA kernels take f32, f16 and bf16");
  }
  if (device.capability < 80) return fail(plan, "the CUDA kernels need a GPU of compute capability 8.0 or newer");
  const char *type = product.input.dtype == product.weight_dtype ? type_name(product.weight_dtype) : "mixed";
  int64_t rows, items;
  for (int family = RAPT_CUDA_LINEAR_MMA; family >= RAPT_CUDA_LINEAR_SIMT; family--) {
    plan->family = family;
    bool mma = family == RAPT_CUDA_LINEAR_MMA;
    if (mma && !fits_mma(device, product)) continue;
    plan->row_tile = plan->column_tile = mma ? mma_tile : simt_tile;
    plan->splits = 1;
    snprintf(plan->name, sizeof plan->name, "linear_%s_cuda_%s", type, mma ? "mma" : "simt");
    if (prefix != nullptr && strncmp(plan->name, prefix, strlen(prefix)) != 0) continue;
    if (__builtin_mul_overflow(product.batch, product.rows, &rows) ||
        __builtin_mul_overflow(ceiling(rows, plan->row_tile), ceiling(product.out_features, plan->column_tile),
                               &items)) {
      return fail(plan, "the sizes are too large for this library");
    }
    if (rows == 0) plan->family = RAPT_CUDA_LINEAR_EMPTY;
    return 1;
  }
  char reason[sizeof plan->reason];
  snprintf(reason, sizeof reason, "no CUDA kernel for this projection has a name that begins with %.100s", prefix);
  return fail(plan, reason);
}
