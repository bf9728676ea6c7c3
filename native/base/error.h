// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_BASE_ERROR_H
#define RAPT_BASE_ERROR_H

#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fills error (NULL is allowed) as far as its struct_size reaches, and returns status.
__attribute__((format(printf, 3, 4))) rapt_status rapt_fail(rapt_error *error, rapt_status status, const char *format,
                                                            ...);

// Returns from the calling function with the status of an expression that failed.
#define RAPT_CHECK(expression)              \
  do {                                      \
    rapt_status status_ = (expression);     \
    if (status_ != RAPT_OK) return status_; \
  } while (0)

#ifdef __cplusplus
}
#endif

#endif
