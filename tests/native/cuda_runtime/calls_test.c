// SPDX-License-Identifier: Apache-2.0
// What a call needs besides its numbers: memory the device reaches, scratch, streams, linears; each refused by name.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "small.h"
#include "support/check.h"

static void expect_refusal(rapt_status status, const rapt_error *error, const char *what, const char *name,
                           const char *why) {
  CHECK(status == RAPT_INVALID_ARGUMENT, "%s: status %d", what, status);
  CHECK(!strncmp(error->message, name, strlen(name)) && strstr(error->message, why) != NULL,
        "%s: the message is \"%s\"", what, error->message);
}

// Every tensor of attention in turn, in host memory, and where given on another device and freed.
static void check_attention_places(small_calls *s, void *other_device, void *freed) {
  static float host[1024];
  static const char *const names[] = {"query",        "key",   "value", "output",  "mask",     "bias",
                                      "alibi_slopes", "sinks", "lse",   "weights", "positions"};
  for (int n = 0; n < 11; n++) {
    void *places[] = {host, other_device, freed};
    for (int place = 0; place < 3 && places[place] != NULL; place++) {
      rapt_sdpa call = s->attention;
      rapt_tensor *tensors[] = {&call.query,        &call.key,   &call.value, &call.output,  &call.mask,     &call.bias,
                                &call.alibi_slopes, &call.sinks, &call.lse,   &call.weights, &call.positions};
      rapt_error error = {.struct_size = sizeof error};
      if (n >= 4) {
        *tensors[n] = (rapt_tensor){.stride = {64, 32, 8, 1},
                                    .dtype = n == 4    ? RAPT_BOOL
                                             : n == 10 ? RAPT_I64
                                                       : RAPT_F32};
      }
      tensors[n]->data = places[place];
      expect_refusal(rapt_sdpa_run(s->context, &call, &error), &error, names[n], names[n],
                     place == 1 ? "CUDA device 1; this context's device is 0" : "not registered with CUDA");
    }
  }
}

static void check_projection_places(small_calls *s) {
  static float host[1024];
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear linear = s->linear;
  linear.input.data = host;
  expect_refusal(rapt_linear_run(s->context, &linear, &error), &error, "linear", "input", "not registered with CUDA");
  linear = s->linear;
  linear.output.data = host;
  expect_refusal(rapt_linear_run(s->context, &linear, &error), &error, "linear", "output", "not registered with CUDA");
  static const char *const names[] = {
      "query", "key",      "value",        "output", "mask",    "bias",     "key_padding_mask",
      "sinks", "bias_key", "alibi_slopes", "lse",    "weights", "positions"};
  for (int n = 0; n < 13; n++) {
    rapt_mha call = s->mha;
    rapt_tensor *tensors[] = {&call.query,
                              &call.key,
                              &call.value,
                              &call.output,
                              &call.mask,
                              &call.bias,
                              &call.key_padding_mask,
                              &call.sinks,
                              &call.bias_key,
                              &call.alibi_slopes,
                              &call.lse,
                              &call.weights,
                              &call.positions};
    if (n >= 4) {
      int is_bool = n == 4 || n == 6;
      *tensors[n] = (rapt_tensor){.stride = {64, 32, 8, 1},
                                  .dtype = is_bool   ? RAPT_BOOL
                                           : n == 12 ? RAPT_I32
                                                     : RAPT_F32};
    }
    if (tensors[n] == &call.bias_key) {
      call.bias_value = (rapt_tensor){.data = s->input, .stride = {1}, .dtype = RAPT_F32};
      call.bias_key.stride[0] = 1;
    }
    tensors[n]->data = host;
    expect_refusal(rapt_mha_run(s->context, &call, &error), &error, names[n], names[n], "not registered with CUDA");
  }
}

// Pinned memory is within reach.
static void check_pinned(small_calls *s) {
  enum { COUNT = SMALL_QUERIES * SMALL_WIDTH };
  rapt_error error = {.struct_size = sizeof error};
  float expected[COUNT];
  void *pinned = NULL;
  CHECK(rapt_memory_allocate(s->context, RAPT_MEMORY_PINNED, sizeof expected, &pinned, &error) == RAPT_OK, "pinned: %s",
        error.message);
  CHECK(rapt_sdpa_run(s->context, &s->attention, &error) == RAPT_OK, "run: %s", error.message);
  small_result(s, expected);
  rapt_sdpa call = s->attention;
  call.output.data = pinned;
  CHECK(rapt_sdpa_run(s->context, &call, &error) == RAPT_OK, "run to pinned memory: %s", error.message);
  CHECK(!memcmp(expected, pinned, sizeof expected), "other bits in pinned memory");
  CHECK(rapt_memory_free(s->context, RAPT_MEMORY_PINNED, pinned, &error) == RAPT_OK, "free: %s", error.message);
}

static void check_scratch(small_calls *s) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  CHECK(rapt_mha_plan(s->context, &s->mha, &plan, &error) == RAPT_OK && plan.scratch_size > 0, "plan: %s",
        error.message);
  rapt_mha call = s->mha;
  void *scratch = cuda_allocate(s->context, (size_t)plan.scratch_size);
  call.head.scratch = scratch;
  call.head.scratch_size = plan.scratch_size - 1;
  expect_refusal(rapt_mha_run(s->context, &call, &error), &error, "too little", "scratch_size", "the plan needs");
  call.head.scratch_size = plan.scratch_size;
  CHECK(rapt_mha_run(s->context, &call, &error) == RAPT_OK, "exact scratch: %s", error.message);
  static _Alignas(64) char host[1 << 16];
  call.head.scratch = host;
  call.head.scratch_size = sizeof host;
  CHECK(plan.scratch_size <= (int64_t)sizeof host, "scratch of %lld bytes", (long long)plan.scratch_size);
  expect_refusal(rapt_mha_run(s->context, &call, &error), &error, "host scratch", "scratch",
                 "not registered with CUDA");
  call.head.scratch = (char *)scratch + 4;
  CHECK(rapt_mha_run(s->context, &call, &error) == RAPT_INVALID_ARGUMENT, "misaligned scratch");
  cuda_release(s->context, scratch);
}

static int64_t free_bytes(rapt_context *context) {
  int64_t available = 0, total = 0;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_memory_get_info(context, &available, &total, &error) == RAPT_OK, "info: %s", error.message);
  return available;
}

// A stream's scratch grows once and then serves every call; where it cannot grow, the context stays usable. For the
// emulated device, which counts bytes exactly.
static void check_stream_scratch(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL;
  small_calls few, many;
  small_open(&few, context, 4);
  small_open(&many, context, 2000);
  int64_t before = free_bytes(context);
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  few.mha.head.stream = many.mha.head.stream = stream;
  CHECK(rapt_mha_run(context, &few.mha, &error) == RAPT_OK, "run: %s", error.message);
  int64_t after = free_bytes(context);
  CHECK(after < before, "no scratch was taken");
  CHECK(rapt_mha_run(context, &few.mha, &error) == RAPT_OK, "run: %s", error.message);
  CHECK(free_bytes(context) == after, "the second call took memory");
  void *rest = cuda_allocate(context, (size_t)after - 4096);
  CHECK(rapt_mha_run(context, &many.mha, &error) == RAPT_OUT_OF_MEMORY && error.device_code == 2, "code %d: %s",
        error.device_code, error.message);
  CHECK(strstr(error.message, "bytes of scratch") != NULL, "message: %s", error.message);
  CHECK(rapt_mha_run(context, &few.mha, &error) == RAPT_OK, "after out of memory: %s", error.message);
  cuda_release(context, rest);
  CHECK(rapt_mha_run(context, &many.mha, &error) == RAPT_OK, "with memory again: %s", error.message);
  rapt_plan plan = {.struct_size = sizeof plan};
  CHECK(rapt_mha_plan(context, &many.mha, &plan, &error) == RAPT_OK, "plan: %s", error.message);
  CHECK(after - free_bytes(context) >= plan.scratch_size, "the outgrown scratch is gone; enqueued work may use it");
  CHECK(rapt_stream_synchronize(stream, &error) == RAPT_OK, "synchronize: %s", error.message);
  rapt_stream_destroy(stream);
  CHECK(free_bytes(context) == before, "the stream kept %lld bytes", (long long)(before - free_bytes(context)));
  small_close(&many);
  small_close(&few);
}

// Linears belong to their device; weights that do not fit are refused.
static void check_linears(small_calls *s, rapt_context *second) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *cpu = NULL;
  CHECK(rapt_context_create(NULL, &cpu, &error) == RAPT_OK, "cpu: %s", error.message);
  static float numbers[SMALL_WIDTH * SMALL_WIDTH];
  rapt_linear_parameters weights = {.struct_size = sizeof weights,
                                    .weight = {.data = numbers, .stride = {SMALL_WIDTH, 1}, .dtype = RAPT_F32},
                                    .in_features = SMALL_WIDTH,
                                    .out_features = SMALL_WIDTH};
  rapt_linear_weights *of_cpu = NULL, *of_second = NULL, *none = NULL;
  CHECK(rapt_linear_create(cpu, &weights, &of_cpu, &error) == RAPT_OK, "cpu: %s", error.message);
  CHECK(rapt_linear_create(second, &weights, &of_second, &error) == RAPT_OK, "second: %s", error.message);
  rapt_linear call = s->linear;
  call.weights = of_cpu;
  expect_refusal(rapt_linear_run(s->context, &call, &error), &error, "the CPU's", "weights", "CUDA device 0");
  call.weights = of_second;
  expect_refusal(rapt_linear_run(s->context, &call, &error), &error, "another's", "weights", "CUDA device 1");
  call.weights = NULL;
  expect_refusal(rapt_linear_run(s->context, &call, &error), &error, "none", "weights", "NULL");
  rapt_mha mha = s->mha;
  mha.value_projection = of_second;
  expect_refusal(rapt_mha_run(s->context, &mha, &error), &error, "another's", "value_projection", "CUDA device 1");
  call.weights = s->square;
  expect_refusal(rapt_linear_run(cpu, &call, &error), &error, "the GPU's", "weights", "the CPU");
  weights.weight.stride[0] = 0;
  weights.in_features = 1 << 16;
  weights.weight.stride[1] = 0;
  weights.out_features = 1 << 12;
  CHECK(rapt_linear_create(s->context, &weights, &none, &error) == RAPT_OUT_OF_MEMORY && none == NULL,
        "1 GiB of weights");
  CHECK(error.device_code == 2 && strstr(error.message, "weights") != NULL, "code %d: %s", error.device_code,
        error.message);
  weights.weight.dtype = RAPT_Q8_0;
  weights.weight.stride[1] = 1;
  CHECK(rapt_linear_create(s->context, &weights, &none, &error) == RAPT_UNSUPPORTED && none == NULL &&
            strstr(error.message, "weight is q8_0; CUDA device 0 takes") != NULL,
        "weights in blocks: %s", error.message);
  weights.weight.dtype = RAPT_I8;
  weights.scale = (rapt_tensor){.data = numbers, .stride = {0}, .dtype = RAPT_F32};
  weights.input_quantization = RAPT_INPUT_I8;
  CHECK(rapt_linear_create(s->context, &weights, &none, &error) == RAPT_UNSUPPORTED && none == NULL &&
            strstr(error.message, "weight is i8; CUDA device 0 takes f32, f16 and bf16 weights") != NULL,
        "bytes: %s", error.message);
  rapt_linear_destroy(of_second);
  rapt_linear_destroy(of_cpu);
  rapt_context_destroy(cpu);
}

static void check_core_refusals(small_calls *s) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_sdpa call = s->attention;
  call.head_dim = 0;
  CHECK(rapt_sdpa_run(s->context, &call, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, "head_dim") != NULL,
        "the core's checks: %s", error.message);
}

// Nothing to write: no kernel, whatever the tensors' places, and a plan that says so.
static void check_empty(small_calls *s) {
  static float host[1024];
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_sdpa sdpa = s->attention;
  rapt_rope rope = s->rope;
  rapt_linear linear = s->linear;
  rapt_mha mha = s->mha;
  sdpa.query_len = rope.length = linear.rows = mha.query_len = 0;
  sdpa.query.data = rope.input.data = linear.input.data = mha.query.data = host;
  const void *calls[] = {&sdpa, &rope, &linear, &mha};
  static const int32_t numbers[] = {RAPT_SDPA, RAPT_ROPE, RAPT_LINEAR, RAPT_MHA};
  static const char *const names[] = {"sdpa_empty_cuda", "rope_empty_cuda", "linear_empty_cuda", "mha_empty_cuda"};
  for (int n = 0; n < 4; n++) {
    CHECK(rapt_plan_call(s->context, numbers[n], calls[n], &plan, &error) == RAPT_OK && plan.supported == 1 &&
              plan.scratch_size == 0 && !strcmp(plan.name, names[n]),
          "%s: the plan is %s: %s", names[n], plan.name, error.message);
    CHECK(rapt_run_call(s->context, numbers[n], calls[n], &error) == RAPT_OK, "%s: %s", names[n], error.message);
  }
}

// More blocks than 64 bits can count: refused when it is planned, as on the CPU.
static void check_overflow(small_calls *s) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_linear linear = s->linear;
  linear.batch = linear.rows = (int64_t)1 << 38;
  linear.input = (rapt_tensor){.stride = {0, 0, 1}, .dtype = RAPT_F32};
  linear.output = (rapt_tensor){.stride = {(int64_t)1 << 20, 1, 1}, .dtype = RAPT_F32};
  CHECK(rapt_linear_plan(s->context, &linear, &plan, &error) == RAPT_INVALID_ARGUMENT, "linear: %s", plan.reason);
  rapt_mha mha = s->mha;
  mha.batch = mha.query_len = (int64_t)1 << 38;
  mha.query = linear.input;
  mha.output = linear.output;
  mha.key.stride[0] = mha.value.stride[0] = 0;
  CHECK(rapt_mha_plan(s->context, &mha, &plan, &error) == RAPT_INVALID_ARGUMENT, "mha: %s", plan.reason);
}

static void check_fault(small_calls *s) {
  rapt_error error = {.struct_size = sizeof error};
  setenv("RAPT_EMULATED_FAULT", "719", 1);
  CHECK(rapt_sdpa_run(s->context, &s->attention, &error) == RAPT_DEVICE_FAILURE && error.device_code == 719,
        "a lost device: code %d", error.device_code);
  CHECK(strstr(error.message, "sdpa_") != NULL && strstr(error.message, "cudaErrorLaunchFailure (719)") != NULL,
        "message: %s", error.message);
  // On a stream the failure shows where somebody waits.
  rapt_stream *stream = NULL;
  CHECK(rapt_stream_create(s->context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  rapt_sdpa call = s->attention;
  call.head.stream = stream;
  CHECK(rapt_sdpa_run(s->context, &call, &error) == RAPT_OK, "enqueueing: %s", error.message);
  CHECK(rapt_stream_synchronize(stream, &error) == RAPT_DEVICE_FAILURE && error.device_code == 719 &&
            strstr(error.message, "restarted") != NULL,
        "a lost device: code %d, %s", error.device_code, error.message);
  unsetenv("RAPT_EMULATED_FAULT");
  rapt_stream_destroy(stream);
}

static void check_streams(small_calls *s, rapt_context *second) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL;
  CHECK(rapt_stream_create(second, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  rapt_sdpa call = s->attention;
  call.head.stream = stream;
  CHECK(rapt_sdpa_run(s->context, &call, &error) == RAPT_INVALID_ARGUMENT && strstr(error.message, "device 1") != NULL,
        "another device's stream: %s", error.message);
  rapt_stream_destroy(stream);
}

// What takes a second device, a small one, or one that fails on demand.
static void check_emulated(small_calls *s, rapt_context *first) {
  rapt_context *second = cuda_context(1);
  void *other = cuda_allocate(second, 4096), *freed = cuda_allocate(first, 4096);
  cuda_release(first, freed);
  check_attention_places(s, other, freed);
  check_stream_scratch(first);
  check_linears(s, second);
  check_streams(s, second);
  check_fault(s);
  cuda_release(second, other);
  rapt_context_destroy(second);
}

int main(void) {
  check_start();
  setenv("RAPT_EMULATED_DEVICES", "2", 1);
  setenv("RAPT_EMULATED_MEMORY", "16777216", 1);
  rapt_context *first = cuda_context(0);
  small_calls s;
  small_open(&s, first, 5);
  check_attention_places(&s, NULL, NULL);
  check_projection_places(&s);
  check_pinned(&s);
  check_scratch(&s);
  check_core_refusals(&s);
  check_empty(&s);
  check_overflow(&s);
  if (cuda_is_emulated(first)) check_emulated(&s, first);
  small_close(&s);
  rapt_context_destroy(first);
  return check_finish("cuda_abi_calls_test");
}
