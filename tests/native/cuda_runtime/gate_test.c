// SPDX-License-Identifier: Apache-2.0
// RAPT_KERNEL: the list as it was when the context was made; kernels that it names come before better ones.
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "support/check.h"

// The plan of bf16 attention where RAPT_KERNEL is this.
static void check_choice(const char *kernels, const char *expected) {
  if (kernels != NULL) {
    setenv("RAPT_KERNEL", kernels, 1);
  } else {
    unsetenv("RAPT_KERNEL");
  }
  rapt_context *context = cuda_context(0);
  setenv("RAPT_KERNEL", "all", 1);
  rapt_tensor rows = {.stride = {64, 64, 64, 1}, .dtype = RAPT_BF16};
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows,
                    .key = rows,
                    .value = rows,
                    .output = rows,
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = 1,
                    .kv_len = 40,
                    .head_dim = 64,
                    .value_dim = 64};
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_plan(context, &call, &plan, &error) == RAPT_OK && plan.supported, "%s: %s %s", kernels, error.message,
        plan.reason);
  CHECK(!strcmp(plan.name, expected) && !plan.reason[0], "RAPT_KERNEL=%s: the plan is %s, \"%s\"",
        kernels == NULL ? "(unset)" : kernels, plan.name, plan.reason);
  rapt_context_destroy(context);
}

// A list that cannot be meant is refused, instead of being read in part.
static void check_refusal(const char *kernels, const char *why) {
  rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  setenv("RAPT_KERNEL", kernels, 1);
  CHECK(rapt_context_create(&options, &context, &error) == RAPT_INVALID_ARGUMENT && context == NULL,
        "RAPT_KERNEL=%s gave a context", kernels);
  CHECK(strstr(error.message, "RAPT_KERNEL") != NULL && strstr(error.message, why) != NULL, "RAPT_KERNEL=%s: %s",
        kernels, error.message);
}

static void check_refusals(void) {
  char text[400] = "sdpa_";
  check_refusal("nothing_of_this_name", "nothing_of_this_name");
  check_refusal("other,sdpa,linear", "names other");
  check_refusal("sdpas", "names sdpas");
  check_refusal("all_sdpa", "names all_sdpa");
  check_refusal("sdpa_decode,mh", "names mh");
  memset(text + 5, 'x', 200);
  check_refusal(text, "205 characters");
  text[0] = 0;
  for (int n = 0; n < 17; n++) strcat(text, "rope_f32,");
  check_refusal(text, "more than 16 names");
}

int main(void) {
  static const char tensor[] = "sdpa_decode_bf16_cuda_mma_d64", plain[] = "sdpa_decode_bf16_cuda_simt_d64";
  check_start();
  check_choice(NULL, tensor);
  check_choice("", tensor);
  check_choice("all", tensor);
  check_choice("sdpa", tensor);
  check_choice("sdpa_nothing", tensor);
  check_choice("mha_decode_bf16_cuda_simt", tensor);
  check_choice("sdpa_decode_bf16_cuda_simt", plain);
  check_choice("linear,,sdpa_decode_bf16_cuda_simt_d64,", plain);
  check_choice("sdpa_decode_bf16_cuda_simt_d640", tensor);
  check_choice("sdpa_decode_bf16_cuda_simt_d64_split16", plain);
  check_choice("sdpa_decode_bf16_cuda_simt_d64_splits", tensor);
  check_choice("sdpa_prefill_bf16_cuda_simt", "sdpa_prefill_bf16_cuda_simt_d64");
  check_refusals();
  return check_finish("cuda_abi_gate_test");
}
