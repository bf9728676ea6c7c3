// SPDX-License-Identifier: Apache-2.0
// Attention on i8 keys and values through the ABI on a CUDA device: what the same device gives on f32 keys and values
// that hold the products with the scales. The arithmetic behind the loads is the same, so are the bits.
#include <string.h>

#include "device.h"
#include "support/check.h"
#include "support/random.h"

enum { BATCH = 2, HEADS = 4, KV_HEADS = 2, MOST_QUERIES = 20, KEYS = 300, DIM = 24, GROUPS = 3 };
enum { ROWS = BATCH * KV_HEADS * KEYS, QUERY_COUNT = BATCH * HEADS * MOST_QUERIES * DIM };

typedef struct numbers {
  float query[QUERY_COUNT], output[QUERY_COUNT], key[ROWS * DIM], value[ROWS * DIM];
  float key_scale[ROWS * GROUPS], value_scale[ROWS];
  signed char key_i8[ROWS * DIM], value_i8[ROWS * DIM];
} numbers;

static void fill(numbers *n) {
  random_state random = {11};
  for (int i = 0; i < QUERY_COUNT; i++) n->query[i] = random_unit(&random);
  for (int i = 0; i < ROWS * GROUPS; i++) n->key_scale[i] = random_unit(&random) / 100;
  for (int i = 0; i < ROWS; i++) n->value_scale[i] = random_unit(&random) / 100;
  for (int i = 0; i < ROWS * DIM; i++) {
    n->key_i8[i] = (signed char)random_between(&random, -128, 127);
    n->value_i8[i] = (signed char)random_between(&random, -128, 127);
    n->key[i] = (float)n->key_i8[i] * n->key_scale[i / (DIM / GROUPS)];
    n->value[i] = (float)n->value_i8[i] * n->value_scale[i / DIM];
  }
}

static rapt_tensor rows_of(void *data, int32_t dtype, int64_t heads, int64_t rows, int64_t depth) {
  return (rapt_tensor){.data = data, .stride = {heads * rows * depth, rows * depth, depth, 1}, .dtype = dtype};
}

// Where the tensors are: memory laid out as numbers is.
static rapt_sdpa call_on(numbers *at, int64_t queries, int quantised) {
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows_of(at->query, RAPT_F32, HEADS, queries, DIM),
                    .key = rows_of(at->key, RAPT_F32, KV_HEADS, KEYS, DIM),
                    .value = rows_of(at->value, RAPT_F32, KV_HEADS, KEYS, DIM),
                    .output = rows_of(at->output, RAPT_F32, HEADS, queries, DIM),
                    .batch = BATCH,
                    .query_heads = HEADS,
                    .kv_heads = KV_HEADS,
                    .query_len = queries,
                    .kv_len = KEYS,
                    .head_dim = DIM,
                    .value_dim = DIM};
  if (quantised) {
    call.key = rows_of(at->key_i8, RAPT_I8, KV_HEADS, KEYS, DIM);
    call.value = rows_of(at->value_i8, RAPT_I8, KV_HEADS, KEYS, DIM);
    call.key_scale = rows_of(at->key_scale, RAPT_F32, KV_HEADS, KEYS, GROUPS);
    call.value_scale = rows_of(at->value_scale, RAPT_F32, KV_HEADS, KEYS, 1);
    call.key_scale_groups = GROUPS;
  }
  return call;
}

static void run(rapt_context *context, const rapt_sdpa *call, const numbers *device, float *output) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_run(context, call, &error) == RAPT_OK, "run: %s", error.message);
  cuda_download(context, output, device->output, QUERY_COUNT * sizeof(float));
}

static void check_run(rapt_context *context, numbers *device, int64_t queries, const char *name) {
  static float expected[QUERY_COUNT], got[QUERY_COUNT];
  rapt_sdpa call = call_on(device, queries, 1);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_plan(context, &call, &plan, &error) == RAPT_OK && plan.supported == 1, "plan: %s%s", error.message,
        plan.reason);
  CHECK(!strcmp(plan.name, name), "expected the plan %s, got %s", name, plan.name);
  run(context, &call, device, got);
  call = call_on(device, queries, 0);
  run(context, &call, device, expected);
  int64_t count = BATCH * HEADS * queries * DIM, bad = 0;
  for (int64_t i = 0; i < count; i++) bad += memcmp(&expected[i], &got[i], sizeof expected[i]) != 0;
  CHECK(bad == 0, "%lld queries: %lld of %lld numbers differ", (long long)queries, (long long)bad, (long long)count);
}

// A plan says that tensor cores, which the query's type would have, do not take the call.
static void check_said(rapt_context *context, numbers *device) {
  rapt_error error = {.struct_size = sizeof error};
  static const int32_t types[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  for (int n = 0; n < 3; n++) {
    rapt_sdpa call = call_on(device, 1, 1);
    rapt_plan plan = {.struct_size = sizeof plan};
    call.query.dtype = types[n];
    CHECK(rapt_sdpa_plan(context, &call, &plan, &error) == RAPT_OK && plan.supported == 1, "plan: %s", error.message);
    int said = strstr(plan.reason, "int8 keys or values are widened on plain cores") != NULL;
    CHECK(n == 0 ? !plan.reason[0] : said, "%s: \"%s\"", plan.name, plan.reason);
  }
}

static void check_places(rapt_context *context, numbers *device, numbers *host) {
  static const char *const names[] = {"key", "value", "key_scale", "value_scale"};
  void *places[] = {host->key_i8, host->value_i8, host->key_scale, host->value_scale};
  for (int n = 0; n < 4; n++) {
    rapt_sdpa call = call_on(device, 1, 1);
    rapt_tensor *tensors[] = {&call.key, &call.value, &call.key_scale, &call.value_scale};
    tensors[n]->data = places[n];
    rapt_error error = {.struct_size = sizeof error};
    size_t length = strlen(names[n]);
    CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_INVALID_ARGUMENT && !strncmp(error.message, names[n], length) &&
              error.message[length] == ' ' && strstr(error.message, "not registered with CUDA") != NULL,
          "%s in host memory: '%s'", names[n], error.message);
  }
}

int main(void) {
  static numbers host;
  check_start();
  fill(&host);
  rapt_context *context = cuda_context(0);
  numbers *device = cuda_upload(context, &host, sizeof host);
  check_run(context, device, 1, "sdpa_decode_f32_i8_cuda_simt_d24");
  check_run(context, device, MOST_QUERIES, "sdpa_prefill_f32_i8_cuda_simt_d24");
  check_said(context, device);
  check_places(context, device, &host);
  cuda_release(context, device);
  rapt_context_destroy(context);
  return check_finish("cuda_abi_quantised_test");
}
