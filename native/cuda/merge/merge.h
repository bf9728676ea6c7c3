// SPDX-License-Identifier: Apache-2.0
// Merging on a CUDA device: its one kernel, for any types and strides.
#ifndef RAPT_CUDA_MERGE_MERGE_H
#define RAPT_CUDA_MERGE_MERGE_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"
#include "rapt/merge.h"

// Plan names, "merge_bf16_cuda_simt_d128": dtype of partial results and output; the tail is the value dim.
extern const rapt_cuda_names rapt_cuda_merge_names;

// Loads the kernel into the current context, so that no launch has to. Returns a cudaError_t.
int rapt_cuda_prepare_merge(const rapt_cuda_properties &device);

// Enqueues the call, which has `rows` rows of results; its pointers are the device's. Returns a cudaError_t.
int rapt_cuda_launch_merge(const rapt_merge &call, int64_t rows, gpu_stream stream);

#endif
