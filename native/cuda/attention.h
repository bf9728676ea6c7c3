// SPDX-License-Identifier: Apache-2.0
// Attention on the device: one pure function that chooses a kernel, and one that launches what was chosen.
#ifndef RAPT_CUDA_ATTENTION_H
#define RAPT_CUDA_ATTENTION_H

#include "core/problem.h"
#include "cuda/gpu/stream.h"
#include "cuda/properties.h"

struct rapt_cuda_attention {
  // "sdpa_..."
  char name[96];
  // Why no kernel fits; empty where one does.
  char reason[256];
  // Bytes of device memory, aligned to 256.
  int64_t scratch;
  // Which kernel, and how it cuts the problem: the planner's own.
  int family;
  int64_t query_tile;
  int64_t key_tile;
  int64_t splits;
};

// Chooses among the kernels whose plan's name begins with `prefix`; NULL is any. Returns 0 where none fits.
int rapt_cuda_plan_attention(const rapt_cuda_properties &device, const rapt_problem &problem, const char *prefix,
                             rapt_cuda_attention *plan);

// Enqueues the plan's kernels. Allocates nothing and waits for nothing. Returns a cudaError_t.
int rapt_cuda_launch_attention(const rapt_cuda_attention &plan, const rapt_problem &problem, void *scratch,
                               gpu_stream stream);

#endif
