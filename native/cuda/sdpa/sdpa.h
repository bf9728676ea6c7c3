// SPDX-License-Identifier: Apache-2.0
// Attention on a CUDA device: a pure plan, and the launch that carries it out.
#ifndef RAPT_CUDA_SDPA_SDPA_H
#define RAPT_CUDA_SDPA_SDPA_H

#include <stdint.h>

#include "cuda/gpu/stream.h"
#include "cuda/runtime/properties.h"
#include "ops/sdpa/problem.h"

enum rapt_cuda_family {
  RAPT_CUDA_NONE,
  // Nothing to compute.
  RAPT_CUDA_EMPTY,
  // f32 arithmetic on plain cores: any types, strides and sizes.
  RAPT_CUDA_SIMT,
  // Tensor cores: f16 or bf16 throughout, rows of query, key and value contiguous and aligned to 16 bytes.
  RAPT_CUDA_MMA
};

// How a problem runs; made by rapt_cuda_plan_sdpa.
struct rapt_cuda_sdpa {
  // "sdpa_decode_bf16_cuda_mma_d128": path, type of query, key and value ("mixed" where they differ; "bf16_i8" where
  // key and value are i8), family, head dim.
  char name[96];
  // Why there is no kernel, in one sentence; empty where there is one.
  char reason[256];
  int32_t family;
  // 1 = few query rows, keys split over blocks.
  int32_t decode;
  // The head dim that a tensor-core kernel was compiled for, at least both of the problem's.
  int32_t bucket;
  // Whether scores take more than causality and window.
  int32_t special;
  // Whether tiles are kept small for a GPU with little shared memory.
  int32_t narrow;
  // Query rows per block.
  int32_t tile_rows;
  int64_t row_tiles;
  int64_t value_chunks;
  int64_t splits;
  int64_t chunk;
  // Bytes.
  int64_t scratch;
};

// Returns 1, or 0 with a reason where no kernel fits. Pure; data pointers are looked at for presence and alignment
// only. Key tiles and splits depend on the sizes of one batch entry only: results are the same bits whatever the batch
// size. `forced` is NULL or what the plan's name must begin with: the best kernel among those is taken.
int rapt_cuda_plan_sdpa(const rapt_cuda_properties &properties, const rapt_sdpa_problem &problem, const char *forced,
                        rapt_cuda_sdpa *plan);

// Loads every kernel onto the current device, so that no launch has to. Returns the driver's error code, 0 = done.
int rapt_cuda_prepare_sdpa(const rapt_cuda_properties &properties);

// Enqueues the problem; its pointers are the device's. `scratch` holds plan.scratch bytes, aligned to 64. Allocates and
// waits for nothing. Returns the driver's error code, 0 = enqueued.
int rapt_cuda_launch_sdpa(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch,
                          gpu_stream stream);

#endif
