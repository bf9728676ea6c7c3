// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/place.h"

// By the type that the memory was given, not by whether the device reaches it: where a GPU reads pageable memory (ATS,
// HMM), every address of the process has a pointer on the device, freed ones too.
static rapt_cuda_place place_of(const driver_pointer &pointer, const void *data) {
  switch (pointer.memory) {
    case DRIVER_MEMORY_DEVICE:
      return RAPT_CUDA_PLACE_DEVICE;
    case DRIVER_MEMORY_MANAGED:
      return RAPT_CUDA_PLACE_SHARED;
    case DRIVER_MEMORY_HOST:
      // Registered memory has another address on the device where that has no unified addressing for it.
      return pointer.on_device == data ? RAPT_CUDA_PLACE_SHARED : RAPT_CUDA_PLACE_ELSEWHERE;
    case DRIVER_MEMORY_UNREGISTERED:
      break;
  }
  return RAPT_CUDA_PLACE_UNREGISTERED;
}

rapt_status rapt_cuda_find_place(const rapt_cuda_context *context, const char *name, const void *data,
                                 rapt_cuda_place *place, rapt_error *error) {
  driver_pointer pointer = {};
  RAPT_CHECK(rapt_cuda_check(driver_look_up(data, &pointer), "asking where a tensor lies", error));
  *place = place_of(pointer, data);
  if (*place != RAPT_CUDA_PLACE_DEVICE) return RAPT_OK;
  if (pointer.ordinal != context->ordinal) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is memory of CUDA device %d; this context's device is %d", name,
                     pointer.ordinal, context->ordinal);
  }
  if (pointer.context == nullptr || pointer.context == context->native) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is memory of another CUDA context of device %d", name,
                   context->ordinal);
}

rapt_status rapt_cuda_check_place(const rapt_cuda_context *context, const char *name, const void *data,
                                  rapt_error *error) {
  rapt_cuda_place place;
  RAPT_CHECK(rapt_cuda_find_place(context, name, data, &place, error));
  if (place == RAPT_CUDA_PLACE_SHARED || place == RAPT_CUDA_PLACE_DEVICE) return RAPT_OK;
  if (place == RAPT_CUDA_PLACE_ELSEWHERE) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "%s is at %p, registered host memory that CUDA device %d has at another address", name, data,
                     context->ordinal);
  }
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "%s is at %p, which is not registered with CUDA: plain host memory, or freed; allowed: device, "
                   "managed and pinned memory",
                   name, data);
}
