// SPDX-License-Identifier: Apache-2.0
// CUDA contexts for tests, and tensors on their device.
#ifndef RAPT_TESTS_CUDA_RUNTIME_DEVICE_H
#define RAPT_TESTS_CUDA_RUNTIME_DEVICE_H

#include <rapt/rapt.h>
#include <stddef.h>

#include "support/guard.h"

// A context on this CUDA device; ends the test where it cannot be had.
rapt_context *cuda_context(int32_t ordinal);

// Whether the context's device exists in host memory only, and does what RAPT_EMULATED_* say.
int cuda_is_emulated(const rapt_context *context);

// Device memory; ends the test where there is none.
void *cuda_allocate(rapt_context *context, size_t bytes);

// A copy of host memory on the device; ends the test where that fails.
void *cuda_upload(rapt_context *context, const void *from, size_t bytes);

// Copies back; ends the test where that fails.
void cuda_download(rapt_context *context, void *to, const void *from, size_t bytes);

void cuda_release(rapt_context *context, void *memory);

// Copies of test tensors on a device.
enum { MOST_MIRRORED = 24 };
typedef struct mirror {
  rapt_context *context;
  int count;
  const test_tensor *host[MOST_MIRRORED];
  void *device[MOST_MIRRORED];
} mirror;

// The tensor as it is on the device, its whole memory copied there; absent for an absent one.
rapt_tensor mirror_add(mirror *m, const test_tensor *t);

// Copies one tensor's memory back.
void mirror_fetch(const mirror *m, const test_tensor *t);

// Frees the copies.
void mirror_close(mirror *m);

#endif
