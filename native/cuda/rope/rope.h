// SPDX-License-Identifier: Apache-2.0
// Rotary embedding on a CUDA device: a pure plan, and the launch that carries it out.
#ifndef RAPT_CUDA_ROPE_ROPE_H
#define RAPT_CUDA_ROPE_ROPE_H

#include <stdint.h>

#include "cuda/gpu/stream.h"
#include "cuda/runtime/properties.h"
#include "rapt/rapt.h"

enum rapt_cuda_rope_family {
  RAPT_CUDA_ROPE_NONE,
  // No tokens.
  RAPT_CUDA_ROPE_EMPTY,
  // Any types, strides and sizes.
  RAPT_CUDA_ROPE_SCALAR,
  // 16 bytes at a time: input and output of one type, cosine and sine of that or f32, rows contiguous and aligned.
  RAPT_CUDA_ROPE_VECTOR
};

struct rapt_cuda_rope {
  // "rope_bf16_cuda_vector_d128": pairing where interleaved, type of input and output, family, head dim, "_r64" for a
  // rotary dim that is smaller.
  char name[96];
  // Why no kernel fits; empty where one does.
  char reason[256];
  int32_t family;
  // Heads that one thread of the vector kernel turns.
  int32_t heads;
};

// Chooses for a validated call among the kernels whose plan's name begins with `prefix`; NULL is any. Returns 0 where
// none fits. Pure; data pointers are looked at for presence and alignment only.
int rapt_cuda_plan_rope(const rapt_cuda_properties &device, const rapt_rope &call, const char *prefix,
                        rapt_cuda_rope *plan);

// Loads every kernel onto the current device, so that no launch has to. Returns a cudaError_t.
int rapt_cuda_prepare_rope();

// Enqueues the call; its pointers are the device's. Allocates nothing and waits for nothing. Returns a cudaError_t.
int rapt_cuda_launch_rope(const rapt_cuda_rope &plan, const rapt_rope &call, gpu_stream stream);

#endif
