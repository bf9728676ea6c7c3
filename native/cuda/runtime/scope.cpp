// SPDX-License-Identifier: Apache-2.0
// What every call has around it: the CUDA context current, the thread's capture mode relaxed.
#include "cuda/runtime/failure.h"
#include "cuda/runtime/state.h"

rapt_cuda_scope::rapt_cuda_scope(driver_context context)
    : capture_mode_(DRIVER_CAPTURE_RELAXED), code_(driver_push_context(context)) {
  if (code_ == DRIVER_SUCCESS) driver_exchange_capture_mode(&capture_mode_);
}

rapt_cuda_scope::~rapt_cuda_scope() {
  if (code_ != DRIVER_SUCCESS) return;
  driver_exchange_capture_mode(&capture_mode_);
  driver_pop_context();
}

rapt_status rapt_cuda_scope::check(rapt_error *error) const {
  return rapt_cuda_check(code_, "making the CUDA context current", error);
}
