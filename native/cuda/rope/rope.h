// SPDX-License-Identifier: Apache-2.0
// Rotary embedding on a CUDA device: a pure plan, and the launch.
#ifndef RAPT_CUDA_ROPE_ROPE_H
#define RAPT_CUDA_ROPE_ROPE_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"
#include "cuda/runtime/verdict.h"
#include "ops/rope/problem.h"

// The kernels, the best first.
enum rapt_cuda_rope_kernel : int32_t {
  // 16 bytes at a time: input and output of one type, cosine and sine of that or f32, rows contiguous and aligned.
  RAPT_CUDA_ROPE_VECTOR,
  // Any types, strides and sizes.
  RAPT_CUDA_ROPE_SCALAR,
  RAPT_CUDA_ROPE_KERNELS
};

struct rapt_cuda_rope {
  int32_t kernel;
  // Heads that one thread rotates.
  int32_t heads;
};

// Plan names, "rope_bf16_cuda_vector_d128": pairing where interleaved, dtype of input and output, kernel; the tail is
// the head dim, and "_r64" for a rotary dim that is smaller.
extern const rapt_cuda_names rapt_cuda_rope_names;
int rapt_cuda_rope_stem(const rapt_rope &call, int32_t kernel);
void rapt_cuda_name_rope(const rapt_rope &call, int32_t kernel, char *out, size_t size);

// The kernels as the self-check numbers them: the vector kernel for each type of rows, with angles of that type or f32,
// and each pairing.
constexpr int rapt_cuda_rope_numbered = 1 + 3 * 2 * 2;
inline int rapt_cuda_rope_number(const rapt_rope &call, int32_t kernel) {
  if (kernel == RAPT_CUDA_ROPE_SCALAR) return 0;
  int type = rapt_cuda_storage(call.input.dtype, true), wide = call.cosine.dtype == RAPT_F32;
  return 1 + (2 * type + wide) * 2 + ((call.flags & RAPT_ROPE_INTERLEAVED) != 0);
}

// The kernels that take a checked call, the best first. Pure; uses addresses for their alignment only.
struct rapt_cuda_rope_candidates {
  static constexpr int family = RAPT_CUDA_FAMILY_ROPE;
  const rapt_rope &call;
  int count;
  int32_t kernels[RAPT_CUDA_ROPE_KERNELS];

  explicit rapt_cuda_rope_candidates(const rapt_rope &call);
  int stem(int candidate) const { return rapt_cuda_rope_stem(call, kernels[candidate]); }
  int kernel(int candidate) const { return rapt_cuda_rope_number(call, kernels[candidate]); }
  void name(int candidate, char *out, size_t size) const { rapt_cuda_name_rope(call, kernels[candidate], out, size); }
};

rapt_cuda_rope rapt_cuda_plan_rope(const rapt_cuda_properties &device, const rapt_rope &call, int32_t kernel);

// Loads every kernel into the current context, so that no launch has to. Returns a cudaError_t.
int rapt_cuda_prepare_rope(const rapt_cuda_properties &device);

// Enqueues the call; its pointers are the device's. Allocates nothing and waits for nothing. Returns a cudaError_t.
int rapt_cuda_launch_rope(const rapt_cuda_rope &plan, const rapt_rope &call, gpu_stream stream);

#endif
