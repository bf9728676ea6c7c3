// SPDX-License-Identifier: Apache-2.0
// Verdicts from one process to the next: a small text file for each GPU, driver and build of the plug-in, in the folder
// "rapt/selfcheck" of XDG_CACHE_HOME or else of .cache in HOME, where Java unpacks libraries too. A file appears whole
// or not at all, so any number of processes may write it. What cannot be read, or is not what was written, counts as
// nothing; what cannot be written is not remembered. Neither is an error.
#ifndef RAPT_CUDA_SELFCHECK_REMEMBERED_H
#define RAPT_CUDA_SELFCHECK_REMEMBERED_H

#include "cuda/runtime/driver.h"
#include "cuda/runtime/verdict.h"

// What a verdict is of: a GPU, a driver and this build of the plug-in, a line each. Empty where the build cannot be
// told from others; such a verdict is not remembered.
std::string rapt_cuda_key(const driver_description &device, int driver);

bool rapt_cuda_recall(const std::string &key, rapt_cuda_verdict *out);
void rapt_cuda_remember(const std::string &key, const rapt_cuda_verdict &verdict);

#endif
