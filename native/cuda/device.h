// SPDX-License-Identifier: Apache-2.0
// The CUDA device: the table that the core asks the plug-in for.
#ifndef RAPT_CUDA_DEVICE_H
#define RAPT_CUDA_DEVICE_H

#include "call/device.h"

extern "C" {
extern const rapt_device rapt_cuda_device;
extern const rapt_device_operation rapt_cuda_sdpa_operation;
extern const rapt_device_operation rapt_cuda_rope_operation;
extern const rapt_device_operation rapt_cuda_linear_operation;
extern const rapt_device_operation rapt_cuda_mha_operation;

// The one symbol that the plug-in exports.
RAPT_API const rapt_device *rapt_device_entry(void);
}

#endif
