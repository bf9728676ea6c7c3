// SPDX-License-Identifier: Apache-2.0
// Merging as an operation of the device.
#include <inttypes.h>
#include <stdio.h>

#include "cuda/device.h"
#include "cuda/merge/merge.h"
#include "cuda/runtime/call.h"

namespace {

struct merge_plan {
  int64_t rows;
};

const rapt_merge &call_of(const void *problem) { return *static_cast<const rapt_merge *>(problem); }

int stem_of(const rapt_merge &c) { return rapt_cuda_storage(c.output.dtype, c.output.dtype == c.partial_output.dtype); }

void name_stem(int stem, char *out, size_t size) {
  snprintf(out, size, "merge_%s_cuda_simt", rapt_cuda_storage_name(stem));
}

void name_call(const rapt_merge &c, char *out, size_t size) {
  char stem[rapt_cuda_name_room];
  name_stem(stem_of(c), stem, sizeof stem);
  snprintf(out, size, "%.60s_d%" PRId64, stem, c.value_dim);
}

// The one kernel.
struct merge_candidates {
  static constexpr int family = RAPT_CUDA_FAMILY_MERGE;
  const rapt_merge &call;
  int count;
  int stem(int) const { return stem_of(call); }
  int kernel(int) const { return 0; }
  void name(int, char *out, size_t size) const { name_call(call, out, size); }
};

rapt_status plan(const rapt_context *head, void *problem, void *memory, rapt_needs *needs, rapt_error *error) {
  static_assert(sizeof(merge_plan) <= RAPT_PLAN_ROOM, "a call's room");
  const rapt_merge &c = call_of(problem);
  merge_plan *p = static_cast<merge_plan *>(memory);
  if (__builtin_mul_overflow(c.batch, c.heads, &p->rows) || __builtin_mul_overflow(p->rows, c.query_len, &p->rows)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "batch times heads times query_len overflows 64 bits");
  }
  rapt_cuda_choose(rapt_cuda_context_of(head)->choice, RAPT_MERGE, merge_candidates{c, 1}, needs);
  needs->scratch = 0;
  needs->threads = 1;
  return RAPT_OK;
}

void name(const rapt_context *, const void *problem, const void *, char *out, size_t size) {
  name_call(call_of(problem), out, size);
}

rapt_status run(rapt_context *context, void *problem, const void *plan, void *, rapt_stream *stream,
                rapt_error *error) {
  int code =
      rapt_cuda_launch_merge(call_of(problem), static_cast<const merge_plan *>(plan)->rows, rapt_cuda_native(stream));
  return rapt_cuda_check_launch(code, rapt_cuda_merge_operation, context, problem, plan, error);
}

}  // namespace

const rapt_cuda_names rapt_cuda_merge_names = {"merge", rapt_cuda_storages, name_stem};

const rapt_device_operation rapt_cuda_merge_operation = {plan, name, nullptr, run};
