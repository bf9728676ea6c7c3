// SPDX-License-Identifier: Apache-2.0
// What plans need to know of a device.
#ifndef RAPT_CUDA_RUNTIME_PROPERTIES_H
#define RAPT_CUDA_RUNTIME_PROPERTIES_H

#include <stdint.h>

struct rapt_cuda_properties {
  int multiprocessors;
  // Bytes of shared memory that a block may ask for.
  int64_t shared_per_block_optin;
};

#endif
