// SPDX-License-Identifier: Apache-2.0
// Long sequences cost no memory beyond their tensors: what the plan asks for does not grow with the lengths, and what
// the process really takes during a run stays within 64 MiB. A window keeps the run short; it changes nothing about the
// sizes.
#include <rapt/rapt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"

#define HEADS INT64_C(8)
#define DIM INT64_C(64)
#define LONGEST INT64_C(131072)
#define ALLOWED (INT64_C(64) << 20)

// Peak resident bytes of this process so far, or 0 where the system does not say.
static int64_t peak_bytes(void) {
  FILE *file = fopen("/proc/self/status", "r");
  long long kib = 0;
  char line[256];
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "VmHWM: %lld", &kib) == 1) break;
  }
  if (file != NULL) fclose(file);
  return kib << 10;
}

static rapt_sdpa call_of(float *inputs, float *output, int64_t queries, int64_t keys) {
  // All heads share one set of inputs through stride 0: the memory under test is the library's, not ours.
  rapt_tensor input = {.data = inputs, .stride = {0, 0, DIM, 1}, .dtype = RAPT_F32};
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = input,
                    .key = input,
                    .value = input,
                    .output = {.data = output, .stride = {0, queries * DIM, DIM, 1}, .dtype = RAPT_F32},
                    .batch = 1,
                    .query_heads = HEADS,
                    .kv_heads = HEADS,
                    .query_len = queries,
                    .kv_len = keys,
                    .head_dim = DIM,
                    .value_dim = DIM,
                    .options = {.position = keys - queries, .flags = RAPT_CAUSAL}};
  return call;
}

static int64_t planned(const rapt_context *context, const rapt_sdpa *call) {
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  rapt_status status = rapt_sdpa_plan(context, call, &plan, &error);
  CHECK(status == RAPT_OK && plan.supported, "plan: %s%s", error.message, plan.reason);
  return plan.scratch_size;
}

// From 16384 keys on, nothing may depend on the lengths; below, a short sequence may need less.
static void test_plans(const rapt_context *context, float *memory) {
  for (int decode = 0; decode < 2; decode++) {
    rapt_sdpa first = call_of(memory, memory + LONGEST * DIM, decode ? 1 : 16384, 16384);
    int64_t scratch = planned(context, &first);
    CHECK(scratch <= ALLOWED, "%lld bytes of scratch at 16384 keys", (long long)scratch);
    for (int64_t keys = 32768; keys <= LONGEST; keys *= 2) {
      rapt_sdpa call = call_of(memory, memory + LONGEST * DIM, decode ? 1 : keys, keys);
      CHECK(planned(context, &call) <= scratch, "scratch grows from %lld to %lld bytes at %lld keys",
            (long long)scratch, (long long)planned(context, &call), (long long)keys);
    }
  }
}

static void test_run(rapt_context *context, float *memory) {
  // The memory of a run shows at any length; a sanitizer needs a shorter one.
  const int64_t length = TEST_REDUCED ? LONGEST / 8 : LONGEST;
  rapt_sdpa call = call_of(memory, memory + LONGEST * DIM, length, length);
  call.options.flags |= RAPT_WINDOW;
  call.options.window_left = 255;
  rapt_error error = {.struct_size = sizeof error};
  int64_t before = peak_bytes();
  CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "run: %s", error.message);
  int64_t grown = peak_bytes() - before;
  // A sanitizer keeps shadow memory of its own.
  CHECK(TEST_REDUCED || grown <= ALLOWED, "the process grew by %lld bytes during the run", (long long)grown);
}

int main(void) {
  check_start();
  size_t bytes = (size_t)((1 + HEADS) * LONGEST * DIM) * sizeof(float);
  float *memory = malloc(bytes);
  if (memory == NULL) check_abort("the test cannot allocate %zu bytes", bytes);
  // Resident before the run, so that only the library's memory counts (zeros might be left to calloc).
  memset(memory, 1, bytes);
  for (int64_t i = 0; i < LONGEST * DIM; i++) memory[i] = (float)(i % 13) * 0.125f - 0.75f;
  int count;
  const tier *tiers = test_tiers(1, &count);
  for (int t = 0; t < count; t++) {
    check_set_case("memory_test on %s", rapt_isa_name(tiers[t].isa));
    for (int n = 0; n < THREAD_COUNTS; n++) test_plans(tiers[t].context[n], memory);
    test_run(tiers[t].context[1], memory);
  }
  free(memory);
  return check_finish("memory_test");
}
