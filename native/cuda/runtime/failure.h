// SPDX-License-Identifier: Apache-2.0
// From a device's error code to a status and a sentence.
#ifndef RAPT_CUDA_RUNTIME_FAILURE_H
#define RAPT_CUDA_RUNTIME_FAILURE_H

#include "base/error.h"
#include "cuda/runtime/driver.h"

// RAPT_OK for success. Else fills error with "<what> failed: cudaErrorX (code), text", the code in device_code, and
// returns RAPT_OUT_OF_MEMORY or RAPT_DEVICE_FAILURE. `what` names what was tried: "enqueueing a copy".
rapt_status rapt_cuda_check(driver_code code, const char *what, rapt_error *error);

// Whether it tells of a machine that was busy or short of memory at the time, and not of what was asked of it.
bool rapt_cuda_is_temporary(driver_code code);

#endif
