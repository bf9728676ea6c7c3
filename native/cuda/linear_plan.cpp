// SPDX-License-Identifier: Apache-2.0
// Which kernel a projection gets.
#include <stdio.h>
#include <string.h>

#include "cuda/linear.h"
#include "cuda/linear_family.h"

namespace {

constexpr int64_t tile = 64;

int64_t ceiling(int64_t x, int64_t by) { return x / by + (x % by != 0); }

bool is_float(int32_t dtype) { return dtype == RAPT_F32 || dtype == RAPT_F16 || dtype == RAPT_BF16; }

const char *type_name(int32_t dtype) { return dtype == RAPT_F32 ? "f32" : dtype == RAPT_F16 ? "f16" : "bf16"; }

int fail(rapt_cuda_linear *plan, const char *reason) {
  plan->family = RAPT_CUDA_LINEAR_NONE;
  snprintf(plan->reason, sizeof plan->reason, "%s", reason);
  return 0;
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
  for (int family = RAPT_CUDA_LINEAR_SIMT; family >= RAPT_CUDA_LINEAR_SIMT; family--) {
    plan->family = family;
    plan->row_tile = plan->column_tile = tile;
    plan->splits = 1;
    snprintf(plan->name, sizeof plan->name, "linear_%s_cuda_%s", type, "simt");
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
