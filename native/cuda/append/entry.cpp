// SPDX-License-Identifier: Apache-2.0
// Appending to a cache as an operation of the device, which has no kernel for it.
#include <stdio.h>

#include "cuda/device.h"
#include "cuda/runtime/names.h"
#include "cuda/runtime/properties.h"

namespace {

void name_stem(int, char *out, size_t size) { snprintf(out, size, "append_none_cuda"); }

rapt_status plan(const rapt_context *, void *, void *, rapt_needs *needs, rapt_error *) {
  snprintf(needs->reason, sizeof needs->reason, "CUDA has no kernel for append; run it on a CPU device");
  needs->scratch = 0;
  needs->threads = 1;
  return RAPT_OK;
}

void name(const rapt_context *, const void *, const void *, char *out, size_t size) { name_stem(0, out, size); }

// The plan refuses every call.
rapt_status run(rapt_context *, void *, const void *, void *, rapt_stream *, rapt_error *) { return RAPT_UNSUPPORTED; }

}  // namespace

extern const rapt_cuda_names rapt_cuda_append_names;
const rapt_cuda_names rapt_cuda_append_names = {"append", 1, name_stem};

int rapt_cuda_prepare_append(const rapt_cuda_properties &device);
int rapt_cuda_prepare_append(const rapt_cuda_properties &) { return 0; }

const rapt_device_operation rapt_cuda_append_operation = {plan, name, nullptr, run};
