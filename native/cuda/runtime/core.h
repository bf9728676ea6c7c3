// SPDX-License-Identifier: Apache-2.0
// The C core's headers, as C++ sees them.
#ifndef RAPT_CUDA_RUNTIME_CORE_H
#define RAPT_CUDA_RUNTIME_CORE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include "base/arena.h"
#include "base/error.h"
#include "call/backend.h"
#include "call/params.h"
#include "call/validate.h"
#include "ops/linear/problem.h"
#include "ops/mha/problem.h"
#include "ops/rope/problem.h"
#include "ops/sdpa/problem.h"
#include "rapt/rapt.h"
}

// Returns from a function that returns a rapt_status where `expression` is not RAPT_OK.
#define RAPT_CHECK(expression)              \
  do {                                      \
    rapt_status status_ = (expression);     \
    if (status_ != RAPT_OK) return status_; \
  } while (0)

#endif
