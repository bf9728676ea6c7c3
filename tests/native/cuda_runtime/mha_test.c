// SPDX-License-Identifier: Apache-2.0
// Multi-head attention and its projections through the ABI on a CUDA device, against the double reference.
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "mha/mha_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/reference.h"

enum result { RESULT_OUTPUT, RESULT_LSE, RESULT_WEIGHTS, RESULT_COUNT };

typedef struct expectation {
  reference_number *result;
  int64_t size[4];
} expectation;

static void expect(const mha_case *c, const rapt_mha *call, const reference_projections *p,
                   expectation e[RESULT_COUNT]) {
  const int64_t total = reference_mha_total(call);
  const int64_t width = c->output_width ? c->output_width : c->heads * c->value_dim;
  const int64_t sizes[RESULT_COUNT][4] = {{c->batch, c->q_len, width, 1},
                                          {c->batch, c->heads, c->q_len, 1},
                                          {c->batch, c->average ? 1 : c->heads, c->q_len, total}};
  for (int n = 0; n < RESULT_COUNT; n++) {
    memcpy(e[n].size, sizes[n], sizeof sizes[n]);
    e[n].result = reference_numbers(sizes[n][0] * sizes[n][1] * sizes[n][2] * sizes[n][3]);
  }
  reference_mha(call, p,
                &(reference_attended){e[RESULT_OUTPUT].result, e[RESULT_LSE].result,
                                      c->weights >= 0 ? e[RESULT_WEIGHTS].result : NULL});
}

static void place(mirror *m, const mha_tensors *t, rapt_mha *c) {
  c->query = mirror_add(m, &t->query);
  c->key = mirror_add(m, &t->key);
  c->value = mirror_add(m, &t->value);
  c->output = mirror_add(m, &t->output);
  c->mask = mirror_add(m, &t->mask);
  c->bias = mirror_add(m, &t->bias);
  c->key_padding_mask = mirror_add(m, &t->padding);
  c->bias_key = mirror_add(m, &t->bias_key);
  c->bias_value = mirror_add(m, &t->bias_value);
  c->alibi_slopes = mirror_add(m, &t->slopes);
  c->sinks = mirror_add(m, &t->sinks);
  c->lse = mirror_add(m, &t->lse);
  c->weights = mirror_add(m, &t->weights);
  c->positions = mirror_add(m, &t->positions);
}

// Packs the projections: from host memory, or from the device's where on_device is set.
static void pack(mirror *m, int on_device, const mha_tensors *t, const reference_projections *p, rapt_mha *call,
                 rapt_linear_weights *handles[4]) {
  const rapt_linear_parameters *weights[4] = {&p->query, &p->key, &p->value, &p->output};
  const rapt_linear_weights **fields[4] = {&call->query_projection, &call->key_projection, &call->value_projection,
                                           &call->output_projection};
  for (int n = 0; n < 4; n++) {
    handles[n] = NULL;
    if (tensor_present(&weights[n]->weight)) {
      rapt_linear_parameters w = *weights[n];
      rapt_error error = {.struct_size = sizeof error};
      if (on_device) {
        w.weight = mirror_add(m, &t->weight[n]);
        w.bias = mirror_add(m, &t->weight_bias[n]);
      }
      CHECK(rapt_linear_create(m->context, &w, &handles[n], &error) == RAPT_OK, "projection %d: %s", n, error.message);
    }
    *fields[n] = handles[n];
  }
}

static void check_results(const mha_case *c, const rapt_mha *call, const mha_tensors *t,
                          const expectation e[RESULT_COUNT]) {
  compare_result("device", "output", &call->output, e[RESULT_OUTPUT].size, e[RESULT_OUTPUT].result);
  CHECK(test_tensor_damage(&t->output) == 0, "wrote between the output's elements");
  if (c->lse) compare_result("device", "lse", &call->lse, e[RESULT_LSE].size, e[RESULT_LSE].result);
  if (c->weights >= 0) {
    compare_result("device", "weights", &call->weights, e[RESULT_WEIGHTS].size, e[RESULT_WEIGHTS].result);
  }
}

static void run_case(rapt_context *context, rapt_stream *stream, const mha_case *c) {
  static mha_tensors t;
  reference_projections p;
  rapt_mha call;
  rapt_linear_weights *handles[4];
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  mha_case_build(c, &t, &p, &call);
  expectation e[RESULT_COUNT];
  expect(c, &call, &p, e);
  test_tensor_wipe(&t.output);
  test_tensor_wipe(&t.lse);
  test_tensor_wipe(&t.weights);
  mirror m = {.context = context};
  rapt_mha device = call;
  place(&m, &t, &device);
  pack(&m, (int)(c->seed & 1), &t, &p, &device, handles);
  device.head.stream = stream;
  CHECK(rapt_mha_plan(context, &device, &plan, &error) == RAPT_OK && plan.supported == 1, "plan: %s%s", error.message,
        plan.reason);
  CHECK(!strncmp(plan.name, "mha_", 4), "plan %s", plan.name);
  if (c->scratch) {
    device.head.scratch = cuda_allocate(context, (size_t)plan.scratch_size);
    device.head.scratch_size = plan.scratch_size;
  }
  rapt_status status = rapt_mha_run(context, &device, &error);
  CHECK(status == RAPT_OK, "status %d: %s", status, error.message);
  if (stream != NULL) CHECK(rapt_stream_synchronize(stream, &error) == RAPT_OK, "synchronize: %s", error.message);
  mirror_fetch(&m, &t.output);
  mirror_fetch(&m, &t.lse);
  mirror_fetch(&m, &t.weights);
  if (status == RAPT_OK) check_results(c, &call, &t, e);
  cuda_release(context, device.head.scratch);
  mirror_close(&m);
  for (int n = 0; n < 4; n++) rapt_linear_destroy(handles[n]);
  for (int n = 0; n < RESULT_COUNT; n++) free(e[n].result);
}

static const char *const cases[] = {
    "",
    "batch=2 heads=4 kv_heads=2 q_len=9 kv_len=21 head_dim=12 value_dim=10 bias_kv=1 zero_attention=1 causal=1",
    "batch=2 zero_attention=1 padding=1 mask=12 weights=3",
    "batch=2 bias_kv=1 bias=15 weights=3 average=1 scratch=1",
    "batch=3 heads=4 kv_heads=1 q_len=70 kv_len=33 bias_kv=1 zero_attention=1 weights=3 average=1 layout=2",
    "output_width=0 layout=1 batch=2 softcap=1 weights=1",
    "output_width=0 layout=2 batch=2 sinks=1 linear_bias=0",
    "q_len=1 kv_len=700 heads=4 kv_heads=1 weights=2 window=1",
    "q_len=4 kv_len=0 bias_kv=1",
    "q_len=4 kv_len=0",
    "q_len=0 kv_len=4",
    "batch=0",
    "batch=2 alibi=1 scratch=1",
    "batch=2 alibi=1 bias_kv=1 zero_attention=1 causal=1 weights=2",
    "batch=2 q_len=9 kv_len=21 weights=3 weights_type=3 weights_layout=1 scratch=1",
    "batch=2 q_len=9 kv_len=21 bias_kv=1 weights=3 weights_type=4 weights_layout=2 average=1",
    "batch=3 heads=4 kv_heads=2 q_len=9 kv_len=21 causal=1 positions=1 bias_kv=1",
    "batch=2 q_len=3 kv_len=19 causal=1 window=1 positions=2 weights=3 average=1",
    // Averaged slice by slice, the last one smaller.
    "heads=8 kv_heads=8 q_len=11 kv_len=8192 head_dim=2 value_dim=2 weights=3 average=1",
};

int main(void) {
  check_start();
  rapt_context *context = cuda_context(0);
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL;
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  for (int i = 0; i < 2 * (int)(sizeof cases / sizeof cases[0]); i++) {
    char text[256];
    mha_case c = mha_case_default();
    check_set_case("cuda mha: seed=%d %s", i + 1, cases[i / 2]);
    strncpy(text, cases[i / 2], sizeof text - 1);
    text[sizeof text - 1] = 0;
    if (!mha_case_parse(&c, text)) check_abort("the case cannot be read: %s", cases[i / 2]);
    // Odd seeds pack from device memory, even ones from the host's.
    c.seed = i + 1;
    run_case(context, i % 2 ? stream : NULL, &c);
  }
  check_set_case("%s", "");
  rapt_stream_destroy(stream);
  rapt_context_destroy(context);
  return check_finish("cuda_abi_mha_test");
}
