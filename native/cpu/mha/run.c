// SPDX-License-Identifier: Apache-2.0
// Multi-head attention as a sequence of parallel steps on one scratch block.
#include <string.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"
#include "cpu/mha/mha.h"

// Writes the appended keys or values of every batch entry: bias first, then zeros.
static void append_rows(const rapt_kernels *kernels, const rapt_mha_problem *p, const rapt_product *projected,
                        const rapt_tensor *bias, int64_t features) {
  for (int64_t b = 0; b < p->call.batch; b++) {
    float *row = rapt_f32_row(&projected->output, b, p->call.kv_len, 0);
    if (rapt_is_present(bias)) {
      const float *from = rapt_read_row(kernels, bias->dtype, bias->data, bias->stride[0], features, row);
      if (from != row) memcpy(row, from, (size_t)features * sizeof(float));
      row += features;
    }
    if ((p->call.mha_flags & RAPT_MHA_ADD_ZERO_ATTENTION) != 0) memset(row, 0, (size_t)features * sizeof(float));
  }
}

// Elements of a row that are averaged at a time.
#define SOME 128

typedef struct average_job {
  const rapt_kernels *kernels;
  const rapt_mha_problem *problem;
  const float *head_weights;
  int64_t batch;
  int64_t first;
} average_job;

// One row of the caller's weights: the mean over the heads, of f32 weights, rounded once.
static void average_row(void *argument, int64_t row, int32_t slot) {
  (void)slot;
  const average_job *job = argument;
  const rapt_mha_problem *p = job->problem;
  const rapt_tensor *w = &p->call.weights;
  int64_t heads = p->call.query_heads, keys = p->total_len;
  unsigned char *out = rapt_row(w, job->batch, 0, job->first + row);
  for (int64_t from = 0; from < keys; from += SOME) {
    int64_t count = rapt_min(keys - from, SOME);
    float mean[SOME];
    for (int64_t j = 0; j < count; j++) {
      float sum = 0;
      for (int64_t h = 0; h < heads; h++) sum += job->head_weights[(h * RAPT_AVERAGE_ROWS + row) * keys + from + j];
      mean[j] = sum / (float)heads;
    }
    int64_t before = from * w->stride[3] * rapt_element_size(w->dtype);
    rapt_write_row(job->kernels, mean, count, w->dtype, out + before, w->stride[3]);
  }
}

static void attend_averaged(rapt_cpu_context *context, const rapt_mha_problem *p, float *head_weights, void *memory) {
  for (int64_t b = 0; b < p->call.batch; b++) {
    for (int64_t first = 0; first < p->call.query_len; first += RAPT_AVERAGE_ROWS) {
      int64_t left = p->call.query_len - first;
      int64_t count = left < RAPT_AVERAGE_ROWS ? left : RAPT_AVERAGE_ROWS;
      rapt_sdpa_problem slice;
      rapt_cpu_sdpa plan;
      rapt_mha_slice(p, b, first, count, head_weights, RAPT_AVERAGE_ROWS, &slice);
      rapt_cpu_plan_sdpa(context, &slice, &plan);
      rapt_cpu_execute_sdpa(context, &slice, &plan, memory);
      average_job job = {
          .kernels = &context->kernels, .problem = p, .head_weights = head_weights, .batch = b, .first = first};
      rapt_parallel(context->pool, count, plan.share, average_row, &job);
    }
  }
}

void rapt_cpu_execute_mha(rapt_cpu_context *context, rapt_mha_problem *p, const rapt_cpu_mha *plan, void *memory) {
  rapt_arena arena = {.base = memory};
  float *head_weights;
  void *shared = rapt_cpu_mha_place(&arena, plan, p, &head_weights);
  const rapt_product *inputs[] = {&p->query, &p->key, &p->value}, *output = &p->output;
  rapt_cpu_execute_linears(context, inputs, &plan->inputs, shared);
  if (p->total_len > p->call.kv_len) {
    append_rows(&context->kernels, p, &p->key, &p->call.bias_key, p->key.weights->out_features);
    append_rows(&context->kernels, p, &p->value, &p->call.bias_value, p->value.weights->out_features);
  }
  if (p->averaged) {
    attend_averaged(context, p, head_weights, shared);
  } else {
    rapt_cpu_execute_sdpa(context, &p->attention, &plan->attention, shared);
  }
  if (p->call.output_projection != NULL) rapt_cpu_execute_linears(context, &output, &plan->output, shared);
}
