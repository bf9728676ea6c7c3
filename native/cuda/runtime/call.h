// SPDX-License-Identifier: Apache-2.0
// What every call needs around its kernels: a stream, scratch.
#ifndef RAPT_CUDA_RUNTIME_CALL_H
#define RAPT_CUDA_RUNTIME_CALL_H

#include "cuda/gpu/stream.h"
#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

// The device's execute; see rapt_device.
rapt_status rapt_cuda_execute(rapt_context *context, const rapt_planned *call, rapt_error *error);

// The status of a launch. The sentence of a failure has the plan's name, which is rendered only then.
rapt_status rapt_cuda_check_launch(driver_code code, const rapt_device_operation &operation,
                                   const rapt_context *context, const void *problem, const void *plan,
                                   rapt_error *error);

// The stream as launches take it.
inline gpu_stream rapt_cuda_native(const rapt_stream *stream) { return static_cast<gpu_stream>(stream->native); }

#endif
