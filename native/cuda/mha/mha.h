// SPDX-License-Identifier: Apache-2.0
// Multi-head attention on the device: projections, attention and a projection back, one after the other on one stream.
//
// Intermediate tensors are f16 where query, key, value, output and all weights are f16, bf16 where all of these are
// bf16, as in other libraries, and f32 otherwise.
#ifndef RAPT_CUDA_MHA_MHA_H
#define RAPT_CUDA_MHA_MHA_H

#include "base/arena.h"
#include "cuda/linear/linear.h"
#include "cuda/runtime/state.h"
#include "cuda/sdpa/sdpa.h"
#include "ops/mha/problem.h"

// Its plans are named after their attention step. It has no kernels but those of its steps.
extern const rapt_cuda_names rapt_cuda_mha_names;
int rapt_cuda_prepare_mha(const rapt_cuda_properties &device);

struct rapt_cuda_mha {
  rapt_cuda_linear query;
  rapt_cuda_linear key;
  rapt_cuda_linear value;
  rapt_cuda_linear output;
  // The plan of the whole attention. With averaged weights: of slice_rows query rows of one batch entry, and of the
  // last, smaller slice.
  rapt_cuda_sdpa attention;
  rapt_cuda_sdpa last;
  int64_t slice_rows;
  // Bytes: the block that the steps use in turn, and all scratch.
  int64_t shared;
  int64_t scratch;
};

// Sets the dtypes of the intermediate tensors of a problem that has just been checked.
void rapt_cuda_mha_set_types(rapt_mha_problem *problem);

// Places the intermediate tensors in scratch; returns the shared block. *head_weights is NULL unless averaged.
void *rapt_cuda_mha_place(rapt_arena *arena, const rapt_cuda_mha &plan, rapt_mha_problem *problem,
                          float **head_weights);

// Fills *plan, and the reason of *needs where a step may not run, else its remark on the first step that has one. Pure.
// Returns false where sizes overflow.
bool rapt_cuda_plan_mha(const rapt_cuda_context *context, const rapt_mha_problem &problem, rapt_cuda_mha *plan,
                        rapt_needs *needs);

// Enqueues all steps. Returns a cudaError_t.
int rapt_cuda_launch_mha(const rapt_cuda_mha &plan, rapt_mha_problem *problem, void *scratch, gpu_stream stream);

#endif
