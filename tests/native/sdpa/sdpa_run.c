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

static reference_attended expect(const rapt_sdpa *call) {
  int64_t rows = call->batch * call->query_heads * call->query_len;
  reference_attended expected = {reference_numbers(rows * call->value_dim), reference_numbers(rows), NULL};
  if (tensor_present(&call->weights)) expected.weights = reference_numbers(rows * call->kv_len);
  reference_attention(call, &expected);
  return expected;
}

static void check_results(const char *where, const rapt_sdpa *call, const sdpa_tensors *t,
                          const reference_attended *expected) {
  int64_t output[4] = {call->batch, call->query_heads, call->query_len, call->value_dim};
  compare_result(where, "output", &call->output, output, expected->output);
  CHECK(test_tensor_damage(&t->output) == 0, "%s: wrote between the output's elements", where);
  if (tensor_present(&call->lse)) {
    int64_t lse[4] = {call->batch, call->query_heads, call->query_len, 1};
    compare_result(where, "lse", &call->lse, lse, expected->lse);
  }
  if (tensor_present(&call->weights)) {
    int64_t weights[4] = {call->batch, call->query_heads, call->query_len, call->kv_len};
    compare_result(where, "weights", &call->weights, weights, expected->weights);
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
                               const reference_attended *expected) {
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
    check_results(where, call, t, expected);
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
  reference_attended expected = expect(&wide);
  unsigned char *below = NULL;
  for (int t = 0; t < tier_count; t++) {
    // Tiers below the best read bf16 as what it stands for, bit by bit: storage_test.
    if (c->bf16 && t < tier_count - 1) continue;
    check_set_case("sdpa_test --isa %s --case '%s'", rapt_isa_name(tiers[t].isa), text);
    unsigned char *output = run_tier(&tiers[t], c, &tensors, &call, &expected);
    if (tiers[t].isa == RAPT_ISA_AVX512BF16 && !own && below != NULL && output != NULL) {
      CHECK(!memcmp(below, output, tensors.output.bytes), "%s: other bits than avx512", rapt_isa_name(tiers[t].isa));
    }
    free(below);
    below = output;
  }
  free(below);
  free(expected.output), free(expected.lse), free(expected.weights);
  check_set_case("%s", "");
}
