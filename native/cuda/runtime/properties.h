// SPDX-License-Identifier: Apache-2.0
// What plans need to know of a device.
#ifndef RAPT_CUDA_RUNTIME_PROPERTIES_H
#define RAPT_CUDA_RUNTIME_PROPERTIES_H

#include <stdint.h>

struct rapt_cuda_properties {
  int multiprocessors;
  // 10 x major + minor: 80, 90.
  int capability;
  // Bytes of shared memory that a block may ask for.
  int64_t shared_per_block_optin;
  // 1 = the host, through gpu/host.h.
  int emulated;
};

#endif
