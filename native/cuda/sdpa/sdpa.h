// SPDX-License-Identifier: Apache-2.0
// Attention on a CUDA device: a pure plan, and the launch that carries it out.
#ifndef RAPT_CUDA_SDPA_SDPA_H
#define RAPT_CUDA_SDPA_SDPA_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"
#include "cuda/sdpa/kernels.h"
#include "ops/sdpa/problem.h"

// How a problem runs.
struct rapt_cuda_sdpa {
  int32_t kernel;
  // Whether scores take more than causality and window.
  int32_t special;
  int64_t row_tiles;
  int64_t value_chunks;
  int64_t splits;
  int64_t chunk;
  // Scores that scratch holds in f32, after the partial results: those that become 16-bit weights.
  int64_t kept_scores;
  // Bytes.
  int64_t scratch;
};

// "sdpa_decode_bf16_cuda_mma_d128": path, type of query, key and value ("mixed" where they differ; "bf16_i8" where key
// and value are i8), family; the tail is the head dim that the kernel was compiled for, or the problem's on plain
// cores, and what else tells the tensor-core kernels of one dim apart: "_special", "_narrow".
extern const rapt_cuda_names rapt_cuda_sdpa_names;
int rapt_cuda_sdpa_stem(const rapt_sdpa_problem &problem, int32_t kernel);
void rapt_cuda_name_sdpa(const rapt_sdpa_problem &problem, int32_t kernel, char *out, size_t size);

// The kernels that take a problem, the best first. Pure; of memory only alignments count.
struct rapt_cuda_sdpa_candidates {
  const rapt_sdpa_problem &problem;
  int count;
  int32_t kernels[kernels::sdpa_kernels];

  rapt_cuda_sdpa_candidates(const rapt_cuda_properties &device, const rapt_sdpa_problem &problem);
  int stem(int candidate) const { return rapt_cuda_sdpa_stem(problem, kernels[candidate]); }
  void name(int candidate, char *out, size_t size) const {
    rapt_cuda_name_sdpa(problem, kernels[candidate], out, size);
  }
};

// How the kernel cuts the problem. Key tiles and splits depend on the sizes of one batch entry only: results are the
// same bits whatever the batch size. Returns false where sizes overflow.
bool rapt_cuda_plan_sdpa(const rapt_sdpa_problem &problem, int32_t kernel, rapt_cuda_sdpa *plan);

// Loads every kernel onto the current device, so that no launch has to. Returns the driver's error code, 0 = done.
int rapt_cuda_prepare_sdpa(const rapt_cuda_properties &properties);

// Enqueues the problem; its pointers are the device's. `scratch` holds plan.scratch bytes, aligned to 64. Allocates and
// waits for nothing. Returns the driver's error code, 0 = enqueued.
int rapt_cuda_launch_sdpa(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch,
                          gpu_stream stream);

#endif
