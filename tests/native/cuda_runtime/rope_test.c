// SPDX-License-Identifier: Apache-2.0
// Rotary embedding through the ABI on a CUDA device: bit by bit what the CPU gives, on a stream and without, in place,
// and NaN for a position outside the table; refusals name the tensor.
#include <math.h>
#include <string.h>

#include "device.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/random.h"

enum { BATCH = 2, HEADS = 3, LENGTH = 9, DIM = 32, TABLE = 12, COUNT = BATCH * HEADS * LENGTH * DIM };

typedef struct numbers {
  float input[COUNT], output[COUNT], cosine[TABLE * DIM / 2], sine[TABLE * DIM / 2];
  int64_t positions[BATCH * LENGTH];
} numbers;

// Where the tensors are: memory laid out as numbers is, on the host or on a device.
static rapt_rope call_on(numbers *at) {
  const int64_t row = HEADS * DIM;
  return (rapt_rope){
      .head = {.struct_size = sizeof(rapt_rope)},
      .input = {.data = at->input, .stride = {LENGTH * row, DIM, row, 1}, .dtype = RAPT_F32},
      .output = {.data = at->output, .stride = {LENGTH * row, DIM, row, 1}, .dtype = RAPT_F32},
      .cosine = {.data = at->cosine, .stride = {DIM / 2, 1}, .dtype = RAPT_F32},
      .sine = {.data = at->sine, .stride = {DIM / 2, 1}, .dtype = RAPT_F32},
      .positions = {.data = at->positions, .stride = {LENGTH, 1}, .dtype = RAPT_I64},
      .batch = BATCH,
      .heads = HEADS,
      .length = LENGTH,
      .head_dim = DIM,
      .table_length = TABLE,
  };
}

static void fill(numbers *n) {
  random_state random = {3};
  for (int i = 0; i < COUNT; i++) {
    n->input[i] = random_unit(&random);
    n->output[i] = 0;
  }
  for (int i = 0; i < TABLE * DIM / 2; i++) {
    n->cosine[i] = random_unit(&random);
    n->sine[i] = random_unit(&random);
  }
  for (int i = 0; i < BATCH * LENGTH; i++) n->positions[i] = random_between(&random, 0, TABLE - 1);
}

static void run(rapt_context *context, const rapt_rope *call) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_rope_run(context, call, &error) == RAPT_OK, "run: %s", error.message);
}

// The device's copy of the numbers after the call, against `expected`.
static void check_result(rapt_context *context, const numbers *device, int in_place, const float *expected) {
  static numbers back;
  cuda_download(context, &back, device, sizeof back);
  const float *got = in_place ? back.input : back.output;
  for (int i = 0; i < COUNT; i++) {
    int same = isnan(expected[i]) ? isnan(got[i]) : !memcmp(&got[i], &expected[i], sizeof got[i]);
    CHECK(same, "element %d: expected %a, got %a", i, (double)expected[i], (double)got[i]);
  }
}

static void check_calls(rapt_context *context, int flags, int64_t rotary, const char *name) {
  static numbers host;
  fill(&host);
  rapt_context *cpu = context_of(RAPT_ISA_AUTO, 1);
  rapt_rope call = call_on(&host);
  call.flags = flags;
  call.rotary_dim = rotary;
  run(cpu, &call);
  rapt_context_destroy(cpu);

  numbers *device = cuda_upload(context, &host, sizeof host);
  rapt_rope on_device = call_on(device);
  on_device.flags = flags;
  on_device.rotary_dim = rotary;
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_rope_plan(context, &on_device, &plan, &error) == RAPT_OK && plan.supported == 1 && plan.scratch_size == 0,
        "plan: %s%s", error.message, plan.reason);
  CHECK(!strcmp(plan.name, name), "expected the plan %s, got %s", name, plan.name);
  run(context, &on_device);
  check_result(context, device, 0, host.output);

  rapt_stream *stream = NULL;
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  on_device.output = on_device.input;
  on_device.head.stream = stream;
  run(context, &on_device);
  CHECK(rapt_stream_synchronize(stream, &error) == RAPT_OK, "synchronize: %s", error.message);
  check_result(context, device, 1, host.output);
  rapt_stream_destroy(stream);
  cuda_release(context, device);
}

static void check_wrong_position(rapt_context *context, int64_t rotary) {
  static numbers host;
  fill(&host);
  rapt_rope call = call_on(&host);
  call.rotary_dim = rotary;
  rapt_context *cpu = context_of(RAPT_ISA_AUTO, 1);
  run(cpu, &call);
  rapt_context_destroy(cpu);
  host.positions[LENGTH + 4] = TABLE;
  for (int i = 0; i < HEADS * DIM; i++) host.output[(LENGTH + 4) * HEADS * DIM + i] = NAN;
  numbers *device = cuda_upload(context, &host, sizeof host);
  call = call_on(device);
  call.rotary_dim = rotary;
  call.output = call.input;
  run(context, &call);
  check_result(context, device, 1, host.output);
  cuda_release(context, device);
}

static void check_refusals(rapt_context *context) {
  static numbers host;
  static const char *const names[] = {"input", "output", "cosine", "sine", "positions"};
  fill(&host);
  numbers *device = cuda_upload(context, &host, sizeof host);
  void *places[] = {host.input, host.output, host.cosine, host.sine, host.positions};
  for (int n = 0; n < 5; n++) {
    rapt_rope call = call_on(device);
    rapt_tensor *tensors[] = {&call.input, &call.output, &call.cosine, &call.sine, &call.positions};
    tensors[n]->data = places[n];
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_rope_run(context, &call, &error) == RAPT_INVALID_ARGUMENT &&
              !strncmp(error.message, names[n], strlen(names[n])) &&
              strstr(error.message, "not registered with CUDA") != NULL,
          "%s in host memory: '%s'", names[n], error.message);
  }
  rapt_rope call = call_on(device);
  call.rotary_dim = 3;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_rope_run(context, &call, &error) == RAPT_INVALID_ARGUMENT &&
            strstr(error.message, "rotary_dim is 3") != NULL,
        "rotary_dim 3: '%s'", error.message);
  call = call_on(device);
  call.length = 0;
  rapt_plan plan = {.struct_size = sizeof plan};
  CHECK(rapt_rope_plan(context, &call, &plan, &error) == RAPT_OK && !strcmp(plan.name, "rope_empty_cuda"), "empty: %s",
        plan.name);
  run(context, &call);
  cuda_release(context, device);
}

int main(void) {
  check_start();
  rapt_context *context = cuda_context(0);
  check_calls(context, 0, 0, "rope_f32_cuda_vector_d32");
  check_calls(context, RAPT_ROPE_INTERLEAVED, 16, "rope_interleaved_f32_cuda_vector_d32_r16");
  check_calls(context, RAPT_ROPE_INTERLEAVED, 0, "rope_interleaved_f32_cuda_vector_d32");
  check_calls(context, 0, 10, "rope_f32_cuda_scalar_d32_r10");
  check_wrong_position(context, 0);
  check_wrong_position(context, 16);
  check_wrong_position(context, 18);
  check_refusals(context);
  rapt_context_destroy(context);
  return check_finish("cuda_abi_rope_test");
}
