// SPDX-License-Identifier: Apache-2.0
// Linears of the device: a contiguous copy of the weights, and an f32 one of the bias.
#ifndef RAPT_CUDA_LINEAR_WEIGHTS_H
#define RAPT_CUDA_LINEAR_WEIGHTS_H

#include "cuda/linear/linear.h"
#include "cuda/runtime/state.h"

struct rapt_cuda_linear_weights {
  rapt_linear_weights head;
  int ordinal;
  int32_t dtype;
  // (out_features, in_features), and behind it (out_features) or NULL: one allocation.
  void *weight;
  float *bias;
};

// A rapt_linear_check: whether the linear lies on this rapt_cuda_context's device.
rapt_status rapt_cuda_check_linear(const void *context, const char *name, const rapt_linear_weights *linear,
                                   rapt_error *error);

// The product that a validated projection is.
rapt_cuda_product rapt_cuda_product_of(const rapt_linear_problem &projection);

#endif
