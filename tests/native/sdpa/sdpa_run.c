// SPDX-License-Identifier: Apache-2.0
// One case on every tier and thread count, judged against the double reference.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdpa/sdpa_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/reference.h"

// What a case should give: one dense array per result, and the bound of each.
typedef struct expectation {
  reference_result result;
  double bound;
} expectation;

enum result { RESULT_OUTPUT, RESULT_LSE, RESULT_WEIGHTS, RESULT_COUNT };

static double largest_value(const rapt_sdpa *call) {
  double largest = 0;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->kv_heads; h++) {
      for (int64_t j = 0; j < call->kv_len; j++) {
        for (int64_t d = 0; d < call->value_dim; d++) {
          double magnitude = fabs((double)*tensor_f32(&call->value, b, h, j, d));
          largest = isfinite(magnitude) ? fmax(largest, magnitude) : largest;
        }
      }
    }
  }
  return largest;
}

static void expect(const rapt_sdpa *call, expectation e[RESULT_COUNT]) {
  int64_t rows = call->batch * call->query_heads * call->query_len;
  int64_t counts[RESULT_COUNT] = {rows * call->value_dim, rows,
                                  tensor_present(&call->weights) ? rows * call->kv_len : 0};
  for (int n = 0; n < RESULT_COUNT; n++) e[n].result = reference_result_make(counts[n]);
  for (int mode = 0; mode < REFERENCE_MODES; mode++) {
    reference_attention(call, mode, e[RESULT_OUTPUT].result.in[mode], e[RESULT_LSE].result.in[mode],
                        tensor_present(&call->weights) ? e[RESULT_WEIGHTS].result.in[mode] : NULL);
  }
  double magnitude[RESULT_COUNT] = {largest_value(call), 1, 0};
  for (int n = 0; n < RESULT_COUNT; n++) e[n].bound = reference_bound(&e[n].result, magnitude[n]);
}

static void check_results(const char *where, const rapt_sdpa *call, const sdpa_tensors *t,
                          const expectation e[RESULT_COUNT]) {
  int64_t output[4] = {call->batch, call->query_heads, call->query_len, call->value_dim};
  compare_result(where, "output", &call->output, output, e[RESULT_OUTPUT].result.in[REFERENCE_EXACT],
                 e[RESULT_OUTPUT].bound);
  CHECK(test_tensor_damage(&t->output) == 0, "%s: wrote between the output's elements", where);
  if (tensor_present(&call->lse)) {
    int64_t lse[4] = {call->batch, call->query_heads, call->query_len, 1};
    compare_result(where, "lse", &call->lse, lse, e[RESULT_LSE].result.in[REFERENCE_EXACT], e[RESULT_LSE].bound);
  }
  if (tensor_present(&call->weights)) {
    int64_t weights[4] = {call->batch, call->query_heads, call->query_len, call->kv_len};
    compare_result(where, "weights", &call->weights, weights, e[RESULT_WEIGHTS].result.in[REFERENCE_EXACT],
                   e[RESULT_WEIGHTS].bound);
    CHECK(test_tensor_damage(&t->weights) == 0, "%s: wrote between the weights", where);
  }
}

// Scratch of exactly the plan's size (the guard keeps the 64-byte alignment it needs).
static int give_scratch(const char *where, const rapt_context *context, sdpa_tensors *t, rapt_sdpa *call) {
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  rapt_status status = rapt_sdpa_plan(context, call, &plan, &error);
  CHECK(status == RAPT_OK && plan.supported == 1, "%s: plan: status %d, supported %d: %s%s", where, status,
        plan.supported, error.message, plan.reason);
  CHECK(plan.scratch_size >= 0, "%s: scratch_size %lld", where, (long long)plan.scratch_size);
  if (status != RAPT_OK || !plan.supported) return 0;
  size_t bytes = ((size_t)plan.scratch_size + 63) & ~(size_t)63;
  call->head.scratch = guard_place(&t->scratch, bytes, GUARD_END);
  call->head.scratch_size = plan.scratch_size;
  return 1;
}

static void wipe_results(sdpa_tensors *t) {
  test_tensor_wipe(&t->output);
  test_tensor_wipe(&t->lse);
  test_tensor_wipe(&t->weights);
}

static unsigned char *copy_of(const test_tensor *t) {
  unsigned char *copy = malloc(t->bytes + 1);
  if (copy == NULL) check_abort("the test cannot allocate %zu bytes", t->bytes);
  if (t->bytes) memcpy(copy, t->start, t->bytes);
  return copy;
}

// Returns the output's bytes, which the caller frees.
static unsigned char *run_tier(const tier *on, const sdpa_case *c, sdpa_tensors *t, rapt_sdpa *call,
                               const expectation e[RESULT_COUNT]) {
  unsigned char *first = NULL;
  for (int n = 0; n < THREAD_COUNTS; n++) {
    char where[64];
    snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(on->isa), (int)thread_counts[n]);
    wipe_results(t);
    call->head.scratch = NULL;
    call->head.scratch_size = 0;
    if (c->scratch && !give_scratch(where, on->context[n], t, call)) continue;
    rapt_error error = {.struct_size = sizeof error};
    rapt_status status = rapt_sdpa_run(on->context[n], call, &error);
    CHECK(status == RAPT_OK, "%s: status %d: %s", where, status, error.message);
    if (status != RAPT_OK) continue;
    check_results(where, call, t, e);
    if (first == NULL) {
      first = copy_of(&t->output);
    } else if (t->output.bytes) {
      CHECK(!memcmp(first, t->output.start, t->output.bytes), "%s: other bits than with %d threads", where,
            (int)thread_counts[0]);
    }
  }
  return first;
}

void sdpa_case_run(const sdpa_case *c) {
  static sdpa_tensors tensors;
  int tier_count;
  int own = c->bf16 || c->key_groups > 0 || c->value_groups > 0;
  const tier *tiers = test_tiers(own, &tier_count);
  rapt_sdpa call;
  char text[768];
  sdpa_case_print(c, text, sizeof text);
  check_set_case("sdpa_test --case '%s'", text);
  sdpa_case_build(c, &tensors, &call);
  rapt_sdpa wide = call;
  sdpa_case_narrow(c, &tensors, &call);
  expectation e[RESULT_COUNT];
  expect(&wide, e);
  unsigned char *below = NULL;
  for (int t = 0; t < tier_count; t++) {
    // Tiers below the best read bf16 as what it stands for, bit by bit: storage_test.
    if (c->bf16 && t < tier_count - 1) continue;
    check_set_case("sdpa_test --isa %s --case '%s'", rapt_isa_name(tiers[t].isa), text);
    unsigned char *output = run_tier(&tiers[t], c, &tensors, &call, e);
    if (tiers[t].isa == RAPT_ISA_AVX512BF16 && !own && below != NULL && output != NULL) {
      CHECK(!memcmp(below, output, tensors.output.bytes), "%s: other bits than avx512", rapt_isa_name(tiers[t].isa));
    }
    free(below);
    below = output;
  }
  free(below);
  for (int n = 0; n < RESULT_COUNT; n++) reference_result_free(&e[n].result);
  check_set_case("%s", "");
}
