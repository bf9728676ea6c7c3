// SPDX-License-Identifier: Apache-2.0
// The CUDA device: the table that the library asks the plug-in for.
#ifndef RAPT_CUDA_DEVICE_H
#define RAPT_CUDA_DEVICE_H

#include "call/device.h"
#include "call/operations.h"

extern "C" {
extern const rapt_device rapt_cuda_device;
#define RAPT_DECLARE(NUMBER, word) extern const rapt_device_operation rapt_cuda_##word##_operation;
RAPT_EACH_OPERATION(RAPT_DECLARE)
#undef RAPT_DECLARE

// The one symbol that the plug-in exports.
RAPT_API const rapt_device *rapt_device_entry(void);
}

#endif
