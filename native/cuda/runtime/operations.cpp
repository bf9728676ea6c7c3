// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/state.h"

static rapt_status none(rapt_error *error) {
  return rapt_fail(error, RAPT_UNSUPPORTED, "this build of the CUDA plug-in has no kernels");
}

rapt_status rapt_cuda_attention_plan(void *, const rapt_attention *, rapt_plan *, rapt_error *e) { return none(e); }
rapt_status rapt_cuda_attention_run(void *, const rapt_attention *, rapt_error *e) { return none(e); }
rapt_status rapt_cuda_linear_create(void *, const rapt_linear_weights *, rapt_linear **, rapt_error *e) {
  return none(e);
}
void rapt_cuda_linear_destroy(rapt_linear *) {}
rapt_status rapt_cuda_linear_plan(void *, const rapt_linear_call *, rapt_plan *, rapt_error *e) { return none(e); }
rapt_status rapt_cuda_linear_run(void *, const rapt_linear_call *, rapt_error *e) { return none(e); }
rapt_status rapt_cuda_mha_plan(void *, const rapt_mha *, rapt_plan *, rapt_error *e) { return none(e); }
rapt_status rapt_cuda_mha_run(void *, const rapt_mha *, rapt_error *e) { return none(e); }
