// SPDX-License-Identifier: Apache-2.0
// Attention on a CUDA device: a pure plan, and the launch.
#ifndef RAPT_CUDA_SDPA_SDPA_H
#define RAPT_CUDA_SDPA_SDPA_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"
#include "cuda/runtime/verdict.h"
#include "cuda/sdpa/kernels.h"
#include "ops/sdpa/problem.h"

// How a problem runs.
struct rapt_cuda_sdpa {
  int32_t kernel;
  // Whether scores take more than causality and window.
  int32_t special;
  int64_t row_tiles;
  int64_t value_chunks;
  // The most splits of a tile's keys, and the keys of one (splits.h).
  int64_t splits;
  int64_t chunk;
  // How many samples are enqueued at a time: all of them unless their partial results would take too much scratch.
  int64_t samples;
  // How many f32 scores scratch holds, after the partial results: those that become 16-bit weights.
  int64_t kept_scores;
  // How many blocks have totals in scratch, before all else there; 0 where no block has several stretches. The launch
  // has no more blocks than that then.
  int64_t totals;
  // Bytes.
  int64_t scratch;
};

// Plan names, "sdpa_decode_bf16_cuda_mma_d128": path, dtype of query, key and value ("mixed" where they differ;
// "bf16_i8" where key and value are i8), family. The tail is the head dim that the kernel was compiled for, or on plain
// cores the problem's, and for tensor cores "_special" or "_narrow" where there are several kernels of one dim.
extern const rapt_cuda_names rapt_cuda_sdpa_names;
int rapt_cuda_sdpa_stem(const rapt_sdpa_problem &problem, int32_t kernel);
void rapt_cuda_name_sdpa(const rapt_sdpa_problem &problem, int32_t kernel, char *out, size_t size);
// The name of a plan is its kernel's, with "_split16" where keys are split.
void rapt_cuda_name_sdpa_plan(const rapt_sdpa_problem &problem, const rapt_cuda_sdpa &plan, char *out, size_t size);

// The kernels as the self-check numbers them: those of tensor cores for each type.
constexpr int rapt_cuda_sdpa_numbered = 2 * kernels::mma_kernels + (kernels::sdpa_kernels - kernels::mma_kernels);
inline int rapt_cuda_sdpa_number(int32_t kernel, int32_t query_dtype) {
  if (kernel >= kernels::mma_kernels) return kernels::mma_kernels + kernel;
  return query_dtype == RAPT_BF16 ? kernels::mma_kernels + kernel : kernel;
}

// Whether the device is one that the kernel is for: plans choose among these, and these alone are checked. Code for
// other devices may hold no such kernel.
bool rapt_cuda_sdpa_fits(const rapt_cuda_properties &device, int32_t kernel, int32_t query_dtype);

// The kernels that take a problem, the best first. Pure; uses addresses for their alignment only.
struct rapt_cuda_sdpa_candidates {
  static constexpr int family = RAPT_CUDA_FAMILY_SDPA;
  const rapt_sdpa_problem &problem;
  int count;
  int32_t kernels[kernels::sdpa_kernels];

  rapt_cuda_sdpa_candidates(const rapt_cuda_properties &device, const rapt_sdpa_problem &problem);
  int stem(int candidate) const { return rapt_cuda_sdpa_stem(problem, kernels[candidate]); }
  int kernel(int candidate) const { return rapt_cuda_sdpa_number(kernels[candidate], problem.call.query.dtype); }
  void name(int candidate, char *out, size_t size) const {
    rapt_cuda_name_sdpa(problem, kernels[candidate], out, size);
  }
};

// Fills *plan: how the kernel divides the problem. Key tiles and splits depend on the sizes of one batch entry only, so
// that results have the same bits whatever the batch size. Returns false where sizes overflow.
bool rapt_cuda_plan_sdpa(const rapt_sdpa_problem &problem, int32_t kernel, rapt_cuda_sdpa *plan);

// The part of it that follows from chunk, splits and samples: totals, kept scores and scratch. By itself for plans with
// others.
bool rapt_cuda_count_sdpa(const rapt_sdpa_problem &problem, rapt_cuda_sdpa *plan);

// Loads every kernel into the current context, so that no launch has to. Returns the driver's error code, 0 = done.
int rapt_cuda_prepare_sdpa(const rapt_cuda_properties &properties);

// Enqueues the problem; its pointers are the device's. `scratch` holds plan.scratch bytes, aligned to 64. Does not
// allocate and does not wait. Returns the driver's error code, 0 = enqueued.
int rapt_cuda_launch_sdpa(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch,
                          gpu_stream stream);

#endif
