// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstring>

#include "cuda/mha/mha.h"

extern "C" {
#include "cpu/engine/rows.h"
}

// Bytes of weights per head that are averaged at a time: rows enough to keep a large GPU busy. The same on all of them,
// for slices may run by other kernels than the whole. A test is to see slices where it can afford the numbers.
static constexpr double AVERAGE_BYTES = 64 << 20, EMULATED_AVERAGE_BYTES = 2 << 20;

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
      take(arena, c.batch, c.query_len, p->query.linear->out_features, p->query.output.dtype);
  a.key.data = p->key.output.data =
      take(arena, c.batch, p->total_len, p->key.linear->out_features, p->key.output.dtype);
  a.value.data = p->value.output.data =
      take(arena, c.batch, p->total_len, p->value.linear->out_features, p->value.output.dtype);
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

// Whether the step can run; where not, its reason becomes the whole's.
template <typename Step>
static bool accept(bool chosen, const Step &step, rapt_cuda_mha *plan) {
  if (chosen) {
    if (step.scratch > plan->shared) plan->shared = step.scratch;
    return true;
  }
  snprintf(plan->reason, sizeof plan->reason, "%s", step.reason);
  return false;
}

static bool choose_projection(const rapt_cuda_context *context, const rapt_linear_problem &projection,
                              rapt_cuda_linear *step, rapt_cuda_mha *plan) {
  if (projection.batch == 0 || projection.rows == 0) return true;
  rapt_cuda_product product = rapt_cuda_product_of(projection);
  return accept(rapt_cuda_choose_linear(context, RAPT_CUDA_IN_MHA, product, step), *step, plan);
}

static bool choose_slice(const rapt_cuda_context *context, const rapt_mha_problem &p, int64_t rows, float *head_weights,
                         rapt_cuda_sdpa *step, rapt_cuda_mha *plan) {
  rapt_sdpa_problem slice;
  rapt_mha_slice(&p, 0, 0, rows, head_weights, plan->slice_rows, &slice);
  return accept(rapt_cuda_choose_sdpa(context, RAPT_CUDA_IN_MHA, slice, step), *step, plan);
}

static void choose_all(const rapt_cuda_context *context, const rapt_mha_problem &p, float *head_weights,
                       rapt_cuda_mha *plan) {
  const rapt_mha &c = p.call;
  bool fits = choose_projection(context, p.query, &plan->query, plan) &&
              choose_projection(context, p.key, &plan->key, plan) &&
              choose_projection(context, p.value, &plan->value, plan);
  if (c.output_projection != nullptr) fits = fits && choose_projection(context, p.output, &plan->output, plan);
  if (!p.averaged) {
    fits = fits && accept(rapt_cuda_choose_sdpa(context, RAPT_CUDA_IN_MHA, p.attention, &plan->attention),
                          plan->attention, plan);
  } else {
    int64_t last = c.query_len % plan->slice_rows;
    fits = fits && choose_slice(context, p, plan->slice_rows, head_weights, &plan->attention, plan);
    if (last > 0) fits = fits && choose_slice(context, p, last, head_weights, &plan->last, plan);
  }
  if (fits) plan->reason[0] = 0;
}

rapt_status rapt_cuda_mha_make_plan(const rapt_cuda_context *context, rapt_mha_problem *p, rapt_cuda_mha *plan,
                                    rapt_error *error) {
  const rapt_mha &c = p->call;
  *plan = rapt_cuda_mha();
  if (c.batch == 0 || c.query_len == 0) {
    snprintf(plan->name, sizeof plan->name, "mha_empty_cuda");
    return RAPT_OK;
  }
  if (p->averaged) {
    double row = static_cast<double>(c.query_heads) * static_cast<double>(p->total_len) * sizeof(float);
    double bytes = context->device.emulated ? EMULATED_AVERAGE_BYTES : AVERAGE_BYTES;
    double rows = row < 1 ? static_cast<double>(c.query_len) : bytes / row;
    plan->slice_rows = rows < 1                                  ? 1
                       : rows < static_cast<double>(c.query_len) ? static_cast<int64_t>(rows)
                                                                 : c.query_len;
  }
  // Choosing looks at alignments: any address aligned as scratch is will do.
  unsigned char *const anywhere = reinterpret_cast<unsigned char *>(uintptr_t{1} << 20);
  float *head_weights;
  rapt_arena arena = {anywhere, 0, 0};
  rapt_cuda_mha_place(&arena, *plan, p, &head_weights);
  if (!arena.overflow) {
    choose_all(context, *p, head_weights, plan);
    arena = {anywhere, 0, 0};
    rapt_cuda_mha_place(&arena, *plan, p, &head_weights);
  }
  if (arena.overflow) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "the sizes multiply to more scratch than 64 bits can count");
  }
  plan->scratch = arena.used;
  // "sdpa_prefill_..." becomes "mha_prefill_...".
  const char *attention = plan->attention.name;
  const char *rest = strchr(attention, '_');
  snprintf(plan->name, sizeof plan->name, "mha%.90s", rest == nullptr ? "" : rest);
  return RAPT_OK;
}
