// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/choice.h"

#include <cstdio>
#include <cstring>

// The kernels that have passed the whole test matrix on a real GPU of a generation, with the evidence under
// bench/results (evidence.json of the bundle that scripts/bundle builds lists the plans that ran): compute capability's
// major version, and a prefix of the plan's name. None so far.
struct proof {
  int generation;
  const char *prefix;
};
static const proof PROVEN[] = {{0, nullptr}};

static bool is_proven(const driver_description &device, const char *name) {
  // The emulated device runs in every test.
  if (device.emulated) return true;
  for (const proof *p = PROVEN; p->prefix != nullptr; p++) {
    if (device.capability / 10 == p->generation && strncmp(name, p->prefix, strlen(p->prefix)) == 0) return true;
  }
  return false;
}

// Walks through RAPT_KERNEL: the next name for an operation ("sdpa", "linear" or "rope"), as a prefix of that
// operation's own plan names, in out; false at the end.
static bool next_prefix(const char **list, const char *operation, rapt_cuda_use use, char *out, size_t size) {
  while (**list != 0) {
    size_t length = strcspn(*list, ",");
    char item[96];
    snprintf(item, sizeof item, "%.*s", static_cast<int>(length), *list);
    *list += length + ((*list)[length] == ',');
    if (use == RAPT_CUDA_ALONE) {
      if (strncmp(item, operation, strlen(operation)) != 0) continue;
      snprintf(out, size, "%s", item);
      return true;
    }
    if (strncmp(item, "mha", 3) != 0) continue;
    // "mha_prefill_f16" names the attention "sdpa_prefill_f16", and any projection.
    snprintf(out, size, "%s%s", operation, strcmp(operation, "sdpa") == 0 ? item + 3 : "");
    return true;
  }
  return false;
}

rapt_cuda_properties rapt_cuda_properties_of(const driver_description &device) {
  return {device.multiprocessors, device.capability, device.shared_per_block_optin, device.emulated};
}

// Planner: bool(const char *prefix), fills *plan.
template <typename Plan, typename Planner>
static bool choose(const rapt_cuda_context *context, rapt_cuda_use use, const char *operation, Plan *plan,
                   const Planner &planner) {
  const char *list = context->kernels;
  char prefix[112];
  while (next_prefix(&list, operation, use, prefix, sizeof prefix)) {
    if (planner(prefix)) return true;
  }
  if (!planner(nullptr)) return false;
  if (is_proven(context->device, plan->name)) return true;
  snprintf(
      plan->reason, sizeof plan->reason,
      "%.90s has not been proven on this kind of GPU yet; it runs where the environment variable RAPT_KERNEL names "
      "it, as in RAPT_KERNEL=%s",
      plan->name, use == RAPT_CUDA_IN_MHA ? "mha" : operation);
  return false;
}

bool rapt_cuda_choose_sdpa(const rapt_cuda_context *context, rapt_cuda_use use, const rapt_sdpa_problem &problem,
                           rapt_cuda_sdpa *plan) {
  rapt_cuda_properties device = rapt_cuda_properties_of(context->device);
  return choose(context, use, "sdpa", plan, [&](const char *prefix) {
    *plan = rapt_cuda_sdpa();
    return rapt_cuda_plan_sdpa(device, problem, prefix, plan) != 0;
  });
}

bool rapt_cuda_choose_linear(const rapt_cuda_context *context, rapt_cuda_use use, const rapt_cuda_product &product,
                             rapt_cuda_linear *plan) {
  rapt_cuda_properties device = rapt_cuda_properties_of(context->device);
  return choose(context, use, "linear", plan, [&](const char *prefix) {
    *plan = rapt_cuda_linear();
    return rapt_cuda_plan_linear(device, product, prefix, plan) != 0;
  });
}

bool rapt_cuda_choose_rope(const rapt_cuda_context *context, const rapt_rope &call, rapt_cuda_rope *plan) {
  rapt_cuda_properties device = rapt_cuda_properties_of(context->device);
  return choose(context, RAPT_CUDA_ALONE, "rope", plan, [&](const char *prefix) {
    *plan = rapt_cuda_rope();
    return rapt_cuda_plan_rope(device, call, prefix, plan) != 0;
  });
}
