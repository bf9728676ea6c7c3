// SPDX-License-Identifier: Apache-2.0
// Plans the steps of multi-head attention, and lays the intermediate tensors out in scratch.
#include <string.h>

#include "base/arithmetic.h"
#include "cuda/mha/mha.h"

void rapt_cuda_mha_set_types(rapt_mha_problem *p) {
  const rapt_mha &c = p->call;
  const rapt_linear_weights *linears[] = {c.query_projection, c.key_projection, c.value_projection,
                                          c.output_projection};
  const int32_t inputs[] = {c.query.dtype, c.key.dtype, c.value.dtype, c.output.dtype};
  int32_t type = inputs[0];
  for (int32_t input : inputs) type = input == type ? type : RAPT_F32;
  for (const rapt_linear_weights *linear : linears) {
    if (linear != nullptr && reinterpret_cast<const rapt_cuda_linear_weights *>(linear)->dtype != type) type = RAPT_F32;
  }
  rapt_sdpa &a = p->attention.call;
  rapt_tensor *between[] = {&p->query.output, &p->key.output, &p->value.output, &a.query, &a.key, &a.value};
  for (rapt_tensor *tensor : between) tensor->dtype = type;
  if (c.output_projection != nullptr) a.output.dtype = p->output.input.dtype = type;
}

static void *take(rapt_arena *arena, int64_t batch, int64_t rows, int64_t features, int32_t dtype) {
  int64_t count;
  if (__builtin_mul_overflow(batch, rows, &count) || __builtin_mul_overflow(count, features, &count)) {
    arena->overflow = 1;
    return nullptr;
  }
  return rapt_arena_take(arena, count, rapt_element_size(dtype));
}

void *rapt_cuda_mha_place(rapt_arena *arena, const rapt_cuda_mha &plan, rapt_mha_problem *p, float **head_weights) {
  const rapt_mha &c = p->call;
  rapt_sdpa &a = p->attention.call;
  a.query.data = p->query.output.data =
      take(arena, c.batch, c.query_len, p->query.weights->out_features, p->query.output.dtype);
  a.key.data = p->key.output.data =
      take(arena, c.batch, p->total_len, p->key.weights->out_features, p->key.output.dtype);
  a.value.data = p->value.output.data =
      take(arena, c.batch, p->total_len, p->value.weights->out_features, p->value.output.dtype);
  if (c.output_projection != nullptr) {
    a.output.data = p->output.input.data =
        take(arena, c.batch, c.query_len, c.query_heads * p->value_dim, a.output.dtype);
  }
  *head_weights = nullptr;
  if (p->averaged) {
    *head_weights = static_cast<float *>(take(arena, c.query_heads, plan.slice_rows, p->total_len, RAPT_F32));
  }
  return rapt_arena_take(arena, plan.shared, 1);
}

namespace {

// Chooses the kernels of a call's steps. Reason and remark are those of the first step that has one.
struct chooser {
  const rapt_cuda_context *context;
  rapt_cuda_properties device;
  rapt_cuda_mha *plan;
  rapt_needs *needs;
  // False once sizes have overflowed.
  bool fits;

  template <typename Candidates>
  int32_t choose(int use, const Candidates &candidates) {
    rapt_needs step;
    int chosen = rapt_cuda_choose(context->choice, use, candidates, &step);
    if (needs->reason[0] == 0) memcpy(needs->reason, step.reason, sizeof step.reason);
    if (needs->remark[0] == 0) memcpy(needs->remark, step.remark, sizeof step.remark);
    return candidates.kernels[chosen];
  }

  // A step that has one kernel, which nothing can take the place of.
  void need(int kernel, const char *name) {
    const rapt_cuda_verdict &verdict = *context->choice.verdict;
    if (!verdict.has_failed(RAPT_CUDA_FAMILY_ROWS, kernel) || needs->reason[0] != 0) return;
    bool forced = context->choice.named[RAPT_MHA].count > 0;
    rapt_cuda_say_failed(forced ? RAPT_CUDA_FORCED : RAPT_CUDA_NONE_LEFT, name,
                         verdict.reason(RAPT_CUDA_FAMILY_ROWS, kernel), needs);
  }

  void project(const rapt_product &product, rapt_cuda_linear *step) {
    if (product.rows == 0) return;
    rapt_cuda_linear_candidates candidates(device, product);
    fits = rapt_cuda_plan_linear(product, choose(RAPT_CUDA_MHA_LINEAR, candidates), step) && fits;
  }

  void attend(const rapt_sdpa_problem &problem, rapt_cuda_sdpa *step) {
    rapt_cuda_sdpa_candidates candidates(device, problem);
    fits = rapt_cuda_plan_sdpa(problem, choose(RAPT_CUDA_MHA_SDPA, candidates), step) && fits;
    plan->shared = rapt_max(plan->shared, step->scratch);
  }

  void attend_slice(const rapt_mha_problem &p, int64_t rows, rapt_cuda_sdpa *step) {
    rapt_sdpa_problem slice;
    rapt_mha_slice(&p, 0, 0, rows, nullptr, plan->slice_rows, &slice);
    attend(slice, step);
  }
};

// Query rows whose weights are averaged at a time.
int64_t slice_rows(const rapt_mha_problem &p, int64_t step_bytes) {
  double row = static_cast<double>(p.call.query_heads) * static_cast<double>(p.total_len) * sizeof(float);
  if (row * static_cast<double>(p.call.query_len) <= static_cast<double>(step_bytes)) return p.call.query_len;
  return rapt_max(1, static_cast<int64_t>(static_cast<double>(step_bytes) / row));
}

}  // namespace

bool rapt_cuda_plan_mha(const rapt_cuda_context *context, const rapt_mha_problem &problem, rapt_cuda_mha *plan,
                        rapt_needs *needs) {
  // A copy, whose tensors are placed to count bytes only.
  rapt_mha_problem p = problem;
  *plan = rapt_cuda_mha();
  needs->reason[0] = needs->remark[0] = 0;
  chooser c = {context, rapt_cuda_properties_of(context->device), plan, needs, true};
  c.project(p.query, &plan->query);
  c.project(p.key, &plan->key);
  c.project(p.value, &plan->value);
  if (p.call.output_projection != nullptr) c.project(p.output, &plan->output);
  if (rapt_is_present(&p.call.bias_key) || (p.call.mha_flags & RAPT_MHA_ADD_ZERO_ATTENTION) != 0) {
    c.need(RAPT_CUDA_ROWS_COPY, "mha_append_cuda");
  }
  if (p.averaged) {
    c.need(RAPT_CUDA_ROWS_MEAN, "mha_mean_cuda");
    plan->slice_rows = slice_rows(p, context->device.step_bytes);
    int64_t last = p.call.query_len % plan->slice_rows;
    c.attend_slice(p, plan->slice_rows, &plan->attention);
    if (last > 0) c.attend_slice(p, last, &plan->last);
  } else {
    c.attend(p.attention, &plan->attention);
  }
  rapt_arena arena = {nullptr, 0, 0};
  float *head_weights;
  rapt_cuda_mha_place(&arena, *plan, &p, &head_weights);
  plan->scratch = arena.used;
  return c.fits && arena.overflow == 0;
}
