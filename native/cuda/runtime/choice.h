// SPDX-License-Identifier: Apache-2.0
// Which kernels a context may run: those proven on its kind of device, and those that RAPT_KERNEL names.
//
// RAPT_KERNEL is a list of prefixes of plan names, separated by commas: "sdpa_prefill,linear". A name that starts with
// "mha" stands for the whole of multi-head attention, its projections and its attention together.
#ifndef RAPT_CUDA_RUNTIME_CHOICE_H
#define RAPT_CUDA_RUNTIME_CHOICE_H

#include "cuda/linear/linear.h"
#include "cuda/rope/rope.h"
#include "cuda/runtime/state.h"
#include "cuda/sdpa/sdpa.h"

// For an operation on its own, or as a step of multi-head attention.
enum rapt_cuda_use { RAPT_CUDA_ALONE, RAPT_CUDA_IN_MHA };

// A device as plans see it.
rapt_cuda_properties rapt_cuda_properties_of(const driver_description &device);

// Fills *plan with what would run; returns whether it may. Where not, plan->reason says why.
bool rapt_cuda_choose_sdpa(const rapt_cuda_context *context, rapt_cuda_use use, const rapt_sdpa_problem &problem,
                           rapt_cuda_sdpa *plan);
bool rapt_cuda_choose_linear(const rapt_cuda_context *context, rapt_cuda_use use, const rapt_cuda_product &product,
                             rapt_cuda_linear *plan);
bool rapt_cuda_choose_rope(const rapt_cuda_context *context, const rapt_rope &call, rapt_cuda_rope *plan);

#endif
