// SPDX-License-Identifier: Apache-2.0
// Multi-head attention on the device: projections, attention and a projection back, one after the other on one stream.
//
// What lies between the steps is of the caller's type where that is f16 or bf16 throughout, as it would be with any
// other library, and f32 otherwise.
#ifndef RAPT_CUDA_MHA_MHA_H
#define RAPT_CUDA_MHA_MHA_H

#include "base/arena.h"
#include "cuda/linear/linear.h"
#include "cuda/runtime/state.h"
#include "cuda/sdpa/sdpa.h"
#include "ops/mha/problem.h"

// Its plans are called by its steps' names, and its kernels are theirs.
extern const rapt_cuda_names rapt_cuda_mha_names;
int rapt_cuda_prepare_mha(const rapt_cuda_properties &device);

struct rapt_cuda_mha {
  rapt_cuda_linear query;
  rapt_cuda_linear key;
  rapt_cuda_linear value;
  rapt_cuda_linear output;
  // The whole attention; or with averaged weights that of slice_rows query rows of one batch entry, and of the last,
  // smaller slice.
  rapt_cuda_sdpa attention;
  rapt_cuda_sdpa last;
  int64_t slice_rows;
  // Bytes: what the steps need one after the other, and all.
  int64_t shared;
  int64_t scratch;
};

// Sets the types of what lies between the steps of a problem that has just been checked.
void rapt_cuda_mha_set_types(rapt_mha_problem *problem);

// Points what lies between the steps into scratch; returns the shared part. *head_weights is NULL unless averaged.
void *rapt_cuda_mha_place(rapt_arena *arena, const rapt_cuda_mha &plan, rapt_mha_problem *problem,
                          float **head_weights);

// Fills *plan, and *reason where a step may not run. Pure. Returns false where sizes overflow.
bool rapt_cuda_plan_mha(const rapt_cuda_context *context, const rapt_mha_problem &problem, rapt_cuda_mha *plan,
                        char (&reason)[256]);

// Enqueues all steps. Returns a cudaError_t.
int rapt_cuda_launch_mha(const rapt_cuda_mha &plan, rapt_mha_problem *problem, void *scratch, gpu_stream stream);

#endif
