// SPDX-License-Identifier: Apache-2.0
// Attention through the ABI on a CUDA device, f32 tensors against the double reference.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "sdpa/sdpa_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/reference.h"

static reference_attended expect(const rapt_sdpa *call) {
  int64_t rows = call->batch * call->query_heads * call->query_len;
  reference_attended expected = {reference_numbers(rows * call->value_dim), reference_numbers(rows), NULL};
  if (tensor_present(&call->weights)) expected.weights = reference_numbers(rows * call->kv_len);
  reference_attention(call, &expected);
  return expected;
}

static void check_results(const rapt_sdpa *call, const sdpa_tensors *t, const reference_attended *expected) {
  int64_t output[4] = {call->batch, call->query_heads, call->query_len, call->value_dim};
  compare_result("device", "output", &call->output, output, expected->output);
  CHECK(test_tensor_damage(&t->output) == 0, "wrote between the output's elements");
  int64_t lse[4] = {call->batch, call->query_heads, call->query_len, 1};
  if (tensor_present(&call->lse)) compare_result("device", "lse", &call->lse, lse, expected->lse);
  int64_t weights[4] = {call->batch, call->query_heads, call->query_len, call->kv_len};
  if (tensor_present(&call->weights)) {
    compare_result("device", "weights", &call->weights, weights, expected->weights);
    CHECK(test_tensor_damage(&t->weights) == 0, "wrote between the weights");
  }
}

static rapt_sdpa on_device(mirror *m, const sdpa_case *from, const sdpa_tensors *t, const rapt_sdpa *call) {
  rapt_sdpa c = *call;
  c.query = mirror_add(m, &t->query);
  c.key = mirror_add(m, from->key_groups > 0 ? &t->key_i8 : &t->key);
  c.value = mirror_add(m, from->value_groups > 0 ? &t->value_i8 : &t->value);
  if (from->key_groups > 0) c.key_scale = mirror_add(m, &t->key_scale);
  if (from->value_groups > 0) c.value_scale = mirror_add(m, &t->value_scale);
  c.output = mirror_add(m, &t->output);
  c.mask = mirror_add(m, &t->mask);
  c.bias = mirror_add(m, &t->bias);
  c.alibi_slopes = mirror_add(m, &t->alibi);
  c.sinks = mirror_add(m, &t->sinks);
  c.lse = mirror_add(m, &t->lse);
  c.weights = mirror_add(m, &t->weights);
  c.positions = mirror_add(m, &t->positions);
  return c;
}

static void run_case(rapt_context *context, rapt_stream *stream, const sdpa_case *c) {
  static sdpa_tensors t;
  char text[768];
  rapt_sdpa call;
  rapt_error error = {.struct_size = sizeof error};
  sdpa_case_print(c, text, sizeof text);
  check_set_case("cuda attention: %s", text);
  sdpa_case_build(c, &t, &call);
  // The reference reads the f32 tensors, which then hold what the i8 ones stand for.
  rapt_sdpa quantised = call;
  sdpa_case_narrow(c, &t, &quantised);
  reference_attended expected = expect(&call);
  test_tensor_wipe(&t.output);
  test_tensor_wipe(&t.lse);
  test_tensor_wipe(&t.weights);
  mirror m = {.context = context};
  rapt_sdpa device = on_device(&m, c, &t, &quantised);
  device.head.stream = stream;
  rapt_plan plan = {.struct_size = sizeof plan};
  CHECK(rapt_sdpa_plan(context, &device, &plan, &error) == RAPT_OK && plan.supported == 1, "plan: %s%s", error.message,
        plan.reason);
  int is_i8 = call.batch > 0 && call.query_len > 0 && c->key_groups + c->value_groups > 0;
  CHECK(!strncmp(plan.name, "sdpa_", 5) && (strstr(plan.name, "i8") == NULL) == !is_i8, "plan %s", plan.name);
  void *scratch = NULL;
  if (c->scratch && plan.scratch_size > 0) {
    scratch = cuda_allocate(context, (size_t)plan.scratch_size);
    device.head.scratch = scratch;
    device.head.scratch_size = plan.scratch_size;
  }
  rapt_status status = rapt_sdpa_run(context, &device, &error);
  CHECK(status == RAPT_OK, "status %d: %s", status, error.message);
  if (stream != NULL) CHECK(rapt_stream_synchronize(stream, &error) == RAPT_OK, "synchronize: %s", error.message);
  mirror_fetch(&m, &t.output);
  mirror_fetch(&m, &t.lse);
  mirror_fetch(&m, &t.weights);
  if (status == RAPT_OK) check_results(&call, &t, &expected);
  cuda_release(context, scratch);
  mirror_close(&m);
  free(expected.output), free(expected.lse), free(expected.weights);
}

// Prefill, decode over several splits, and small odd sizes, each with everything that the call can carry.
static const char *const cases[] = {
    "heads=2 kv_heads=1 q_len=33 kv_len=70 head_dim=64 value_dim=64 causal=1 position=37",
    "batch=2 heads=4 kv_heads=2 q_len=5 kv_len=19 head_dim=20 value_dim=12 mask=15 bias=6 scratch=1",
    "heads=4 kv_heads=1 q_len=1 kv_len=1300 head_dim=32 value_dim=32 mask=8 sinks=1",
    "heads=4 kv_heads=1 q_len=1 kv_len=1300 head_dim=32 value_dim=32 weights=3 scratch=1",
    "heads=2 kv_heads=2 q_len=17 kv_len=40 head_dim=16 value_dim=24 alibi=1 softcap=5 weights=2 layout=1",
    "heads=2 kv_heads=2 q_len=9 kv_len=31 head_dim=8 value_dim=8 window=1 window_left=3 window_right=2 layout=3",
    "heads=1 kv_heads=1 q_len=7 kv_len=13 head_dim=1 value_dim=1 layout=4 weights=0",
    "batch=2 heads=3 kv_heads=3 q_len=4 kv_len=6 head_dim=5 value_dim=3 layout=2 bias=15 bias_fill=1",
    "heads=1 kv_heads=1 q_len=3 kv_len=0 head_dim=8 value_dim=8",
    "heads=1 kv_heads=1 q_len=0 kv_len=9 head_dim=8 value_dim=8",
    "batch=0 heads=1 kv_heads=1 q_len=2 kv_len=9 head_dim=8 value_dim=8",
    "heads=2 kv_heads=1 q_len=12 kv_len=40 head_dim=16 value_dim=16 causal=1 position=-5 fill=6",
    "heads=1 kv_heads=1 q_len=2 kv_len=9 head_dim=300 value_dim=270",
    "batch=3 heads=2 kv_heads=1 q_len=33 kv_len=70 head_dim=32 value_dim=32 causal=1 position=20 positions=1",
    "batch=3 heads=4 kv_heads=1 q_len=1 kv_len=1300 head_dim=32 value_dim=32 causal=1 position=900 positions=2 alibi=1",
    "heads=2 kv_heads=1 q_len=33 kv_len=70 head_dim=64 value_dim=64 causal=1 position=37 key_groups=1 value_groups=1",
    "heads=4 kv_heads=1 q_len=1 kv_len=1300 head_dim=32 value_dim=32 sinks=1 key_groups=8 value_groups=4 scratch=1",
    "batch=2 heads=4 kv_heads=2 q_len=5 kv_len=19 head_dim=20 value_dim=12 mask=15 layout=3 key_groups=5 seed=2",
    "batch=2 heads=3 kv_heads=3 q_len=4 kv_len=6 head_dim=5 value_dim=3 layout=2 weights=3 value_groups=3",
    "batch=2 heads=2 kv_heads=1 q_len=33 kv_len=70 head_dim=16 value_dim=16 fill=1 weights=3 weights_type=4 scratch=1",
    "heads=4 kv_heads=1 q_len=1 kv_len=1300 head_dim=32 value_dim=32 fill=1 weights=3 weights_type=3 weights_layout=3",
    "heads=4 kv_heads=2 q_len=9 kv_len=40 head_dim=8 value_dim=8 weights=0 weights_type=3 weights_layout=4",
    "heads=4 kv_heads=2 q_len=9 kv_len=40 head_dim=8 value_dim=8 softcap=2 weights=1 weights_type=4 weights_layout=2",
    "heads=4 kv_heads=2 q_len=9 kv_len=40 head_dim=8 value_dim=8 mask=12 weights=2 weights_type=4 weights_layout=8",
};

// Samples with lengths of their own: a kernel on plain cores, and a remark that says so. Here they have all keys, so
// that the definition is that of the plain call. A flag for the bottom right is a position.
static void test_samples(rapt_context *context) {
  static sdpa_tensors t;
  rapt_sdpa call;
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  sdpa_case c = sdpa_case_default();
  check_set_case("samples of different lengths");
  if (!sdpa_case_parse(&c, "batch=2 q_len=3 kv_len=9 head_dim=8 value_dim=8 causal=1 positions=1")) check_abort("case");
  sdpa_case_build(&c, &t, &call);
  mirror m = {.context = context};
  rapt_sdpa device = on_device(&m, &c, &t, &call);
  const int32_t lengths[2] = {9, 9};
  void *uploaded = cuda_upload(context, lengths, sizeof lengths);
  reference_attended expected = expect(&call);
  device.key_lengths = (rapt_tensor){.data = uploaded, .stride = {1}, .dtype = RAPT_I32};
  CHECK(rapt_sdpa_plan(context, &device, &plan, &error) == RAPT_OK && plan.supported == 1, "plan: %s", error.message);
  CHECK(!strcmp(plan.name, "sdpa_mixed_f32_cuda_simt_d8"), "it is %s", plan.name);
  CHECK(strstr(plan.reason, "different lengths are computed on plain cores") != NULL, "it says: %s", plan.reason);
  CHECK(rapt_sdpa_run(context, &device, &error) == RAPT_OK, "run: %s", error.message);
  mirror_fetch(&m, &t.output);
  mirror_fetch(&m, &t.lse);
  check_results(&call, &t, &expected);
  device.key_lengths.data = (void *)(uintptr_t)lengths;
  CHECK(
      rapt_sdpa_run(context, &device, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, "key_lengths") != NULL,
      "lengths in host memory: %s", error.message);
  free(expected.output), free(expected.lse), free(expected.weights);
  device.key_lengths = device.positions = (rapt_tensor){.dtype = 0};
  device.options.flags |= RAPT_BOTTOM_RIGHT;
  call.positions = device.positions;
  call.options.position = c.kv_len - c.q_len;
  expected = expect(&call);
  CHECK(rapt_sdpa_run(context, &device, &error) == RAPT_OK, "run: %s", error.message);
  mirror_fetch(&m, &t.output);
  mirror_fetch(&m, &t.lse);
  check_results(&call, &t, &expected);
  cuda_release(context, uploaded);
  mirror_close(&m);
  free(expected.output), free(expected.lse), free(expected.weights);
}

int main(void) {
  check_start();
  rapt_context *context = cuda_context(0);
  test_samples(context);
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *own = NULL, *foreign = NULL;
  CHECK(rapt_stream_create(context, &own, &error) == RAPT_OK, "stream: %s", error.message);
  CHECK(rapt_stream_wrap(context, NULL, &foreign, &error) == RAPT_OK, "foreign stream: %s", error.message);
  rapt_stream *streams[] = {NULL, own, foreign};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sdpa_case c = sdpa_case_default();
    if (!sdpa_case_parse(&c, cases[i])) check_abort("the case cannot be read: %s", cases[i]);
    run_case(context, streams[i % 3], &c);
  }
  check_set_case("%s", "");
  rapt_stream_destroy(foreign);
  rapt_stream_destroy(own);
  rapt_context_destroy(context);
  return check_finish("cuda_abi_sdpa_test");
}
