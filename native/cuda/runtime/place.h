// SPDX-License-Identifier: Apache-2.0
// Where a pointer points, as far as the plug-in must know.
#ifndef RAPT_CUDA_RUNTIME_PLACE_H
#define RAPT_CUDA_RUNTIME_PLACE_H

#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

enum rapt_cuda_place {
  // Memory that CUDA does not know: plain host memory, or freed.
  RAPT_CUDA_PLACE_UNREGISTERED,
  // Host memory that CUDA knows, but that the device has at another address.
  RAPT_CUDA_PLACE_ELSEWHERE,
  // Pinned or managed: every device and context reaches it.
  RAPT_CUDA_PLACE_SHARED,
  RAPT_CUDA_PLACE_DEVICE
};

// Both fail, with a sentence that begins with the name, for memory of another device or another CUDA context.
rapt_status rapt_cuda_find_place(const rapt_cuda_context *context, const char *name, const void *data,
                                 rapt_cuda_place *place, rapt_error *error);

// Checks that the context's kernels may use the memory.
rapt_status rapt_cuda_check_place(const rapt_cuda_context *context, const char *name, const void *data,
                                  rapt_error *error);

#endif
