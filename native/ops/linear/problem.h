// SPDX-License-Identifier: Apache-2.0
// Linear projections, checked: what every device starts from.
#ifndef RAPT_OPS_LINEAR_PROBLEM_H
#define RAPT_OPS_LINEAR_PROBLEM_H

#include "base/tensor.h"
#include "call/device.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const rapt_operation rapt_operation_linear;

// What every device's packed weights begin with.
struct rapt_linear_weights {
  rapt_handle handle;
  int64_t in_features;
  int64_t out_features;
};

// output = input . weight^T + bias, with input (batch, rows, in) and output (batch, rows, out) by their strides.
typedef struct rapt_product {
  const rapt_linear_weights *weights;
  rapt_tensor input;
  rapt_tensor output;
  int64_t batch;
  int64_t rows;
  // Where a device splits the output features into heads: features per head, which are contiguous, and elements from
  // one head to the next. Else 0.
  int64_t head_features;
  int64_t head_stride;
} rapt_product;

typedef struct rapt_linear_problem {
  rapt_linear call;
  rapt_product product;
} rapt_linear_problem;

// Fills *parameters from a caller's struct and checks them.
rapt_status rapt_linear_check_parameters(const rapt_linear_parameters *from, rapt_linear_parameters *parameters,
                                         rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif
