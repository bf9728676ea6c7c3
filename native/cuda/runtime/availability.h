// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_CUDA_RUNTIME_AVAILABILITY_H
#define RAPT_CUDA_RUNTIME_AVAILABILITY_H

// Ampere: the first with bf16 matrix instructions and asynchronous copies to shared memory.
#define RAPT_CUDA_LEAST_CAPABILITY 80

#endif
