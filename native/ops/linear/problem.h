// SPDX-License-Identifier: Apache-2.0
// Validated linear projections: what every device starts from.
#ifndef RAPT_OPS_LINEAR_PROBLEM_H
#define RAPT_OPS_LINEAR_PROBLEM_H

#include "call/backend.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// What every device's linear begins with.
struct rapt_linear_weights {
  rapt_handle handle;
  int64_t in_features;
  int64_t out_features;
};

// output = input . weight^T + bias, with input (batch, rows, in) and output (batch, rows, out) by their strides.
typedef struct rapt_linear_problem {
  const rapt_linear_weights *linear;
  rapt_tensor input;
  rapt_tensor output;
  int64_t batch;
  int64_t rows;
  // Not 0 where a device has parted the output features into heads of so many: head_stride elements from one to the
  // next, side by side within each.
  int64_t head_features;
  int64_t head_stride;
} rapt_linear_problem;

// Whether a device (its context or state) can use a linear; `name` is the argument's, for the message.
typedef rapt_status (*rapt_linear_check)(const void *device, const char *name, const rapt_linear_weights *linear,
                                         rapt_error *error);

// Fills *weights from a caller's struct.
rapt_status rapt_linear_parameters_validate(const rapt_linear_parameters *from, rapt_linear_parameters *weights,
                                         rapt_error *error);
// Fills *call and *projection from a caller's struct.
rapt_status rapt_linear_validate(const void *device, rapt_linear_check check, const rapt_linear *from,
                                 rapt_linear *call, rapt_linear_problem *projection, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif
