/* SPDX-License-Identifier: Apache-2.0 */
/* One case on every tier and thread count, judged against the double reference. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdpa_case.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/reference.h"

enum { THREAD_COUNTS = 2 };
static const int32_t thread_counts[THREAD_COUNTS] = {1, 3};

typedef struct tier {
  int32_t isa;
  rapt_context *context[THREAD_COUNTS];
} tier;

static tier tiers[MAX_TIERS];
static int tier_count;
static int32_t only_isa;

void sdpa_only_tier(int32_t isa) { only_isa = isa; }

static void destroy_tiers(void) {
  for (int t = 0; t < tier_count; t++) {
    for (int n = 0; n < THREAD_COUNTS; n++) {
      rapt_context_destroy(tiers[t].context[n]);
    }
  }
}

static void create_tiers(void) {
  if (tier_count) {
    return;
  }
  int32_t usable[MAX_TIERS];
  int count = usable_tiers(usable);
  for (int i = 0; i < count; i++) {
    if (only_isa == RAPT_ISA_AUTO || only_isa == usable[i]) {
      tiers[tier_count].isa = usable[i];
      for (int n = 0; n < THREAD_COUNTS; n++) {
        tiers[tier_count].context[n] = context_of(usable[i], thread_counts[n]);
      }
      tier_count++;
    }
  }
  atexit(destroy_tiers);
}

/* What a case should give: one dense array per result, and the bound of each. */
typedef struct expectation {
  double *exact;
  double *rounded;
  int64_t count;
  double bound;
} expectation;

enum result { RESULT_OUTPUT, RESULT_LSE, RESULT_WEIGHTS, RESULT_COUNT };
static const char *const result_name[RESULT_COUNT] = {"output", "lse", "weights"};

static double largest_value(const rapt_attention *call) {
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

static void expect(const rapt_attention *call, expectation e[RESULT_COUNT]) {
  int64_t rows = call->batch * call->query_heads * call->query_len;
  int64_t counts[RESULT_COUNT] = {rows * call->value_dim, rows, call->weights.data ? rows * call->kv_len : 0};
  for (int n = 0; n < RESULT_COUNT; n++) {
    e[n].count = counts[n];
    e[n].exact = calloc((size_t)counts[n] + 1, sizeof(double));
    e[n].rounded = calloc((size_t)counts[n] + 1, sizeof(double));
    if (!e[n].exact || !e[n].rounded) {
      check_abort("the test cannot allocate its reference results");
    }
  }
  int weights = call->weights.data != NULL;
  reference_attention(call, 0, e[RESULT_OUTPUT].exact, e[RESULT_LSE].exact, weights ? e[RESULT_WEIGHTS].exact : NULL);
  reference_attention(call, 1, e[RESULT_OUTPUT].rounded, e[RESULT_LSE].rounded,
                      weights ? e[RESULT_WEIGHTS].rounded : NULL);
  double magnitude[RESULT_COUNT] = {largest_value(call), 1, 0};
  for (int n = 0; n < RESULT_COUNT; n++) {
    e[n].bound = reference_bound(e[n].exact, e[n].rounded, e[n].count, magnitude[n]);
  }
}

/* A NaN or an infinity is expected as such; anything else within the bound. */
static int agrees(double got, double exact, double bound) {
  if (isnan(exact)) {
    return isnan(got);
  }
  if (isinf(exact)) {
    return got == exact;
  }
  return fabs(got - exact) <= bound;
}

static void compare(const char *where, enum result which, const rapt_tensor *t, int rank, const int64_t size[4],
                    const expectation *e) {
  int64_t at = 0;
  double worst = -1;
  int64_t worst_index[4] = {0};
  double worst_got = 0, worst_exact = 0;
  for (int64_t i = 0; i < size[0]; i++) {
    for (int64_t j = 0; j < size[1]; j++) {
      for (int64_t k = 0; k < size[2]; k++) {
        for (int64_t l = 0; l < size[3]; l++, at++) {
          double got = (double)*tensor_f32(t, i, j, k, l);
          if (agrees(got, e->exact[at], e->bound)) {
            continue;
          }
          double distance = fabs(got - e->exact[at]);
          distance = isnan(distance) ? INFINITY : distance;
          if (distance > worst) {
            worst = distance;
            worst_got = got;
            worst_exact = e->exact[at];
            int64_t index[4] = {i, j, k, l};
            memcpy(worst_index, index, sizeof index);
          }
        }
      }
    }
  }
  CHECK(worst < 0, "%s: %s[%lld,%lld,%lld,%lld]: expected %.9g, got %.9g, off by %.3g, bound %.3g", where,
        result_name[which], (long long)worst_index[0], (long long)worst_index[1], (long long)worst_index[2],
        (long long)(rank == 4 ? worst_index[3] : 0), worst_exact, worst_got, worst, e->bound);
}

static void check_results(const char *where, const rapt_attention *call, const sdpa_tensors *t,
                          const expectation e[RESULT_COUNT]) {
  int64_t output[4] = {call->batch, call->query_heads, call->query_len, call->value_dim};
  compare(where, RESULT_OUTPUT, &call->output, 4, output, &e[RESULT_OUTPUT]);
  CHECK(test_tensor_damage(&t->output) == 0, "%s: wrote between the output's elements", where);
  if (call->lse.data) {
    int64_t lse[4] = {call->batch, call->query_heads, call->query_len, 1};
    compare(where, RESULT_LSE, &call->lse, 3, lse, &e[RESULT_LSE]);
  }
  if (call->weights.data) {
    int64_t weights[4] = {call->batch, call->query_heads, call->query_len, call->kv_len};
    compare(where, RESULT_WEIGHTS, &call->weights, 4, weights, &e[RESULT_WEIGHTS]);
  }
}

/* Scratch of exactly the plan's size (the guard keeps the 64-byte alignment it needs). */
static int give_scratch(const char *where, const rapt_context *context, sdpa_tensors *t, rapt_attention *call) {
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  rapt_status status = rapt_attention_plan(context, call, &plan, &error);
  CHECK(status == RAPT_OK && plan.supported == 1, "%s: plan: status %d, supported %d: %s%s", where, status,
        plan.supported, error.message, plan.reason);
  CHECK(plan.scratch_size >= 0, "%s: scratch_size %lld", where, (long long)plan.scratch_size);
  if (status != RAPT_OK || !plan.supported) {
    return 0;
  }
  size_t bytes = ((size_t)plan.scratch_size + 63) & ~(size_t)63;
  call->scratch = guard_place(&t->scratch, bytes, GUARD_END);
  call->scratch_size = plan.scratch_size;
  return 1;
}

static void wipe_results(sdpa_tensors *t) {
  test_tensor_wipe(&t->output);
  test_tensor_wipe(&t->lse);
  test_tensor_wipe(&t->weights);
}

static unsigned char *copy_of(const test_tensor *t) {
  unsigned char *copy = malloc(t->bytes + 1);
  if (!copy) {
    check_abort("the test cannot allocate %zu bytes", t->bytes);
  }
  if (t->bytes) {
    memcpy(copy, t->start, t->bytes);
  }
  return copy;
}

static void run_tier(const tier *on, const sdpa_case *c, sdpa_tensors *t, rapt_attention *call,
                     const expectation e[RESULT_COUNT]) {
  unsigned char *first = NULL;
  for (int n = 0; n < THREAD_COUNTS; n++) {
    char where[64];
    snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(on->isa), (int)thread_counts[n]);
    wipe_results(t);
    call->scratch = NULL;
    call->scratch_size = 0;
    if (c->scratch && !give_scratch(where, on->context[n], t, call)) {
      continue;
    }
    rapt_error error = {.struct_size = sizeof error};
    rapt_status status = rapt_attention_run(on->context[n], call, &error);
    CHECK(status == RAPT_OK, "%s: status %d: %s", where, status, error.message);
    if (status != RAPT_OK) {
      continue;
    }
    check_results(where, call, t, e);
    if (!first) {
      first = copy_of(&t->output);
    } else if (t->output.bytes) {
      CHECK(!memcmp(first, t->output.start, t->output.bytes), "%s: other bits than with %d threads", where,
            (int)thread_counts[0]);
    }
  }
  free(first);
}

void sdpa_case_run(const sdpa_case *c) {
  static sdpa_tensors tensors;
  create_tiers();
  rapt_attention call;
  char text[768];
  sdpa_case_print(c, text, sizeof text);
  check_set_case("sdpa_test --case '%s'", text);
  sdpa_case_build(c, &tensors, &call);
  expectation e[RESULT_COUNT];
  expect(&call, e);
  for (int t = 0; t < tier_count; t++) {
    check_set_case("sdpa_test --isa %s --case '%s'", rapt_isa_name(tiers[t].isa), text);
    run_tier(&tiers[t], c, &tensors, &call, e);
  }
  for (int n = 0; n < RESULT_COUNT; n++) {
    free(e[n].exact);
    free(e[n].rounded);
  }
  check_set_case("%s", "");
}
