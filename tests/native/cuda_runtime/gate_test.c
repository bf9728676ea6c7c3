// SPDX-License-Identifier: Apache-2.0
// Kernels without proof run only where RAPT_KERNEL names them, as it was when the context was made.
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "small.h"
#include "support/check.h"

enum { ATTENTION = 1, LINEAR = 2, MHA = 4, ROPE = 8 };

static void check_one(const char *kernels, const char *what, int allowed, rapt_status planned, const rapt_plan *plan,
                      rapt_status status, const rapt_error *error) {
  CHECK(planned == RAPT_OK && plan->supported == allowed, "RAPT_KERNEL=%s: %s: plan supported is %d", kernels, what,
        plan->supported);
  CHECK(plan->name[0], "RAPT_KERNEL=%s: %s: a plan without a name", kernels, what);
  CHECK(status == (allowed ? RAPT_OK : RAPT_UNSUPPORTED), "RAPT_KERNEL=%s: %s: status %d", kernels, what, status);
  if (!allowed) {
    CHECK(strstr(plan->reason, "RAPT_KERNEL") != NULL && strstr(plan->reason, "proven") != NULL, "%s: reason \"%s\"",
          what, plan->reason);
    CHECK(!strncmp(plan->reason, error->message, sizeof plan->reason - 1), "%s: plan says \"%s\", run says \"%s\"",
          what, plan->reason, error->message);
  }
}

// Which of the four operations run where RAPT_KERNEL is this.
static void check_gate(const char *kernels, int allowed) {
  if (kernels != NULL) {
    setenv("RAPT_KERNEL", kernels, 1);
  } else {
    unsetenv("RAPT_KERNEL");
    kernels = "(unset)";
  }
  rapt_context *context = cuda_context(0);
  setenv("RAPT_KERNEL", "all", 1);
  small_calls s;
  small_open(&s, context, 5);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  rapt_status planned = rapt_sdpa_plan(context, &s.attention, &plan, &error);
  check_one(kernels, "attention", (allowed & ATTENTION) != 0, planned, &plan,
            rapt_sdpa_run(context, &s.attention, &error), &error);
  planned = rapt_linear_plan(context, &s.linear, &plan, &error);
  check_one(kernels, "linear", (allowed & LINEAR) != 0, planned, &plan, rapt_linear_run(context, &s.linear, &error),
            &error);
  planned = rapt_mha_plan(context, &s.mha, &plan, &error);
  check_one(kernels, "mha", (allowed & MHA) != 0, planned, &plan, rapt_mha_run(context, &s.mha, &error), &error);
  planned = rapt_rope_plan(context, &s.rope, &plan, &error);
  check_one(kernels, "rope", (allowed & ROPE) != 0, planned, &plan, rapt_rope_run(context, &s.rope, &error), &error);
  small_close(&s);
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
  check_start();
  setenv("RAPT_EMULATED_DRIVER", "unproven", 1);
  check_gate(NULL, 0);
  check_gate("", 0);
  check_gate("sdpa", ATTENTION);
  check_gate("sdpa_decode", ATTENTION);
  check_gate("sdpa_nothing", 0);
  check_gate("linear", LINEAR);
  check_gate("mha", MHA);
  check_gate("rope", ROPE);
  check_gate("rope_f32_cuda_scalar", ROPE);
  check_gate("rope_f16", 0);
  check_gate("mha_nothing", 0);
  check_gate("all", ATTENTION | LINEAR | MHA | ROPE);
  check_gate("sdpa_nothing,all", ATTENTION | LINEAR | MHA | ROPE);
  check_gate("sdpa,,linear,", ATTENTION | LINEAR);
  check_gate("sdpa_prefill,sdpa_decode_f32_cuda_simt_d8,linear_f32_cuda_simt", ATTENTION | LINEAR);
  check_gate("sdpa_decode_f32_cuda_simt_d80,linear_f32_cuda_simt_d8", 0);
  check_gate("mha_decode_f32_cuda_simt_d8", MHA);
  // The same major version, other tiles.
  setenv("RAPT_EMULATED_DRIVER", "ada", 1);
  check_gate(NULL, 0);
  check_gate("all", ATTENTION | LINEAR | MHA | ROPE);
  setenv("RAPT_EMULATED_DRIVER", "unproven", 1);
  check_refusals();
  check_gate("linear,sdpa,rope,mha", ATTENTION | LINEAR | MHA | ROPE);
  setenv("RAPT_EMULATED_DRIVER", "", 1);
  check_gate(NULL, ATTENTION | LINEAR | MHA | ROPE);
  return check_finish("cuda_abi_gate_test");
}
