// SPDX-License-Identifier: Apache-2.0
// Which kernel a projection gets.
#include <stdio.h>

#include "base/arithmetic.h"
#include "cuda/linear/linear.h"

namespace {

// Whether the tensor-core kernel takes the product: rows are aligned to 16 bytes and have a multiple of 8 numbers.
bool fits_mma(const rapt_cuda_properties &device, const rapt_product &p) {
  const rapt_tensor &in = p.input;
  const rapt_cuda_linear_weights &w = rapt_cuda_weights_of(p);
  return in.dtype == w.dtype && in.dtype != RAPT_F32 && w.head.in_features % 8 == 0 && in.stride[2] == 1 &&
         in.stride[0] % 8 == 0 && in.stride[1] % 8 == 0 && reinterpret_cast<uintptr_t>(in.data) % 16 == 0 &&
         reinterpret_cast<uintptr_t>(w.weight) % 16 == 0 &&
         rapt_cuda_linear_shape_of(RAPT_CUDA_LINEAR_MMA).shared <= device.shared_per_block_optin;
}

// Stems are numbered by kernel, and for each kernel by storage.
void name_stem(int stem, char *out, size_t size) {
  snprintf(out, size, "linear_%s_cuda_%s", rapt_cuda_storage_name(stem % rapt_cuda_storages),
           stem / rapt_cuda_storages == RAPT_CUDA_LINEAR_MMA ? "mma" : "simt");
}

}  // namespace

const rapt_cuda_names rapt_cuda_linear_names = {"linear", RAPT_CUDA_LINEAR_KERNELS *rapt_cuda_storages, name_stem};

int rapt_cuda_linear_stem(const rapt_product &product, int32_t kernel) {
  int32_t weight = rapt_cuda_weights_of(product).dtype;
  return kernel * rapt_cuda_storages + rapt_cuda_storage(weight, product.input.dtype == weight);
}

rapt_cuda_linear_candidates::rapt_cuda_linear_candidates(const rapt_cuda_properties &device, const rapt_product &p)
    : product(p), count(0), kernels() {
  if (fits_mma(device, p)) kernels[count++] = RAPT_CUDA_LINEAR_MMA;
  kernels[count++] = RAPT_CUDA_LINEAR_SIMT;
}

bool rapt_cuda_plan_linear(const rapt_product &product, int32_t kernel, rapt_cuda_linear *plan) {
  rapt_cuda_linear_shape shape = rapt_cuda_linear_shape_of(kernel);
  int64_t rows, items;
  *plan = {kernel, 0, rapt_ceil_div(product.weights->out_features, shape.columns)};
  if (__builtin_mul_overflow(product.batch, product.rows, &rows)) return false;
  plan->row_tiles = rapt_ceil_div(rows, shape.rows);
  return !__builtin_mul_overflow(plan->row_tiles, plan->column_tiles, &items);
}
