// SPDX-License-Identifier: Apache-2.0
// What planning needs to know about a device.
#ifndef RAPT_CUDA_PROPERTIES_H
#define RAPT_CUDA_PROPERTIES_H

#include <stdint.h>

struct rapt_cuda_properties {
  int multiprocessors;
  // Ten times the compute capability: 80 for Ampere, 90 for Hopper.
  int capability;
  // The most shared memory that one block can opt in to.
  int64_t shared_per_block_optin;
  // Whether this is the host playing a device.
  int emulated;
};

#endif
