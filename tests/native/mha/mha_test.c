// SPDX-License-Identifier: Apache-2.0
// Multi-head attention on every tier against the composed double reference, between guard pages.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mha/mha_case.h"
#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/random.h"
#include "support/reference.h"

// Handles of a context for the call; 0 where one is refused.
static int pack(const char *where, rapt_context *context, const reference_projections *p, rapt_mha *call,
                rapt_linear_weights *handles[4]) {
  const rapt_linear_parameters *weights[4] = {&p->query, &p->key, &p->value, &p->output};
  const rapt_linear_weights **fields[4] = {&call->query_projection, &call->key_projection, &call->value_projection,
                                           &call->output_projection};
  for (int n = 0; n < 4; n++) {
    rapt_error error = {.struct_size = sizeof error};
    handles[n] = NULL;
    if (tensor_present(&weights[n]->weight)) {
      CHECK(rapt_linear_create(context, weights[n], &handles[n], &error) == RAPT_OK, "%s: projection %d: %s", where, n,
            error.message);
      if (handles[n] == NULL) return 0;
    }
    *fields[n] = handles[n];
  }
  return 1;
}

typedef struct expectation {
  reference_number *result;
  int64_t size[4];
} expectation;
enum { OUTPUT, LSE, WEIGHTS, RESULTS };

static void expect(const mha_case *c, const rapt_mha *call, const reference_projections *p, expectation e[RESULTS]) {
  const int64_t total = reference_mha_total(call);
  const int64_t width = c->output_width ? c->output_width : c->heads * c->value_dim;
  const int64_t sizes[RESULTS][4] = {{c->batch, c->q_len, width, 1},
                                     {c->batch, c->heads, c->q_len, 1},
                                     {c->batch, c->average ? 1 : c->heads, c->q_len, total}};
  for (int n = 0; n < RESULTS; n++) {
    memcpy(e[n].size, sizes[n], sizeof sizes[n]);
    e[n].result = reference_numbers(sizes[n][0] * sizes[n][1] * sizes[n][2] * sizes[n][3]);
  }
  reference_mha(call, p,
                &(reference_attended){e[OUTPUT].result, e[LSE].result, c->weights >= 0 ? e[WEIGHTS].result : NULL});
}

static void run_on(const char *where, rapt_context *context, const mha_case *c, mha_tensors *t, rapt_mha *call,
                   const expectation e[RESULTS]) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  test_tensor_wipe(&t->output);
  test_tensor_wipe(&t->lse);
  test_tensor_wipe(&t->weights);
  call->head.scratch = NULL;
  call->head.scratch_size = 0;
  CHECK(rapt_mha_plan(context, call, &plan, &error) == RAPT_OK && plan.supported == 1, "%s: plan: %s%s", where,
        error.message, plan.reason);
  if (c->scratch) {
    call->head.scratch = guard_place(&t->scratch, ((size_t)plan.scratch_size + 63) & ~(size_t)63, GUARD_END);
    call->head.scratch_size = plan.scratch_size;
  }
  rapt_status status = rapt_mha_run(context, call, &error);
  CHECK(status == RAPT_OK, "%s: run: %s", where, error.message);
  if (status != RAPT_OK) return;
  compare_result(where, "output", &call->output, e[OUTPUT].size, e[OUTPUT].result);
  CHECK(test_tensor_damage(&t->output) == 0, "%s: wrote between the output's elements", where);
  if (c->lse) compare_result(where, "lse", &call->lse, e[LSE].size, e[LSE].result);
  if (c->weights >= 0) {
    compare_result(where, "weights", &call->weights, e[WEIGHTS].size, e[WEIGHTS].result);
    CHECK(test_tensor_damage(&t->weights) == 0, "%s: wrote between the weights", where);
  }
}

static void run_case(const mha_case *c) {
  static mha_tensors t;
  reference_projections p;
  rapt_mha call;
  mha_case_name(c, 0);
  mha_case_build(c, &t, &p, &call);
  expectation e[RESULTS];
  expect(c, &call, &p, e);
  int tier_count;
  const tier *tiers = test_tiers(0, &tier_count);
  for (int i = 0; i < tier_count; i++) {
    unsigned char *first = NULL;
    mha_case_name(c, tiers[i].isa);
    for (int n = 0; n < THREAD_COUNTS; n++) {
      char where[64];
      rapt_linear_weights *handles[4] = {NULL};
      snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(tiers[i].isa), (int)thread_counts[n]);
      if (pack(where, tiers[i].context[n], &p, &call, handles)) run_on(where, tiers[i].context[n], c, &t, &call, e);
      for (int h = 0; h < 4; h++) rapt_linear_destroy(handles[h]);
      if (first != NULL) {
        CHECK(!memcmp(first, t.output.start, t.output.bytes), "%s: other bits than with one thread", where);
      } else if ((first = malloc(t.output.bytes + 1)) != NULL) {
        memcpy(first, t.output.start, t.output.bytes);
      } else {
        check_abort("the test cannot allocate its copy");
      }
    }
    free(first);
  }
  for (int n = 0; n < RESULTS; n++) free(e[n].result);
}

// One option of multi-head attention.
enum { OPTIONS = 24 };
static void apply(mha_case *c, int option) {
  switch (option) {
    case 0:
      c->output_width = 0;
      break;
    case 1:
      c->linear_bias = 0;
      break;
    case 2:
      c->bias_kv = 1;
      break;
    case 3:
      c->zero_attention = 1;
      break;
    case 4:
      c->bias_kv = c->zero_attention = 1;
      break;
    case 5:
      c->mask = 15;
      break;
    case 6:
      c->mask = 12;
      break;
    case 7:
      c->bias = 15;
      break;
    case 8:
      c->bias = 8;
      break;
    case 9:
      c->padding = 1;
      break;
    case 10:
      c->padding = 2;
      break;
    case 11:
      c->causal = 1;
      break;
    case 12:
      c->causal = 2;
      break;
    case 13:
      c->window = 1;
      break;
    case 14:
      c->softcap = 1;
      break;
    case 15:
      c->sinks = 1;
      break;
    case 16:
      c->weights = RAPT_WEIGHTS_SOFTMAX;
      break;
    case 17:
      c->weights = RAPT_WEIGHTS_SOFTMAX;
      c->average = 1;
      break;
    case 18:
      c->weights = RAPT_WEIGHTS_RAW;
      break;
    case 19:
      c->weights = RAPT_WEIGHTS_BIAS;
      break;
    case 20:
      c->layout = 1;
      break;
    case 21:
      c->weights = c->weights < 0 ? RAPT_WEIGHTS_SOFTMAX : c->weights;
      c->weights_type = RAPT_BF16;
      c->weights_layout = 1;
      break;
    case 22:
      c->weights = c->weights < 0 ? RAPT_WEIGHTS_SOFTMAX : c->weights;
      c->weights_type = RAPT_F16;
      c->weights_layout = 2;
      break;
    default:
      c->layout = 2;
      c->scratch = 1;
      break;
  }
}

static mha_case shape(int64_t heads, int64_t kv_heads, int64_t q_len, int64_t kv_len, int64_t d, int64_t dv) {
  static int64_t seed = 1;
  mha_case c = mha_case_default();
  c.heads = heads;
  c.kv_heads = kv_heads;
  c.q_len = q_len;
  c.kv_len = kv_len;
  c.head_dim = d;
  c.value_dim = dv;
  c.query_width = heads * d;
  c.seed = seed++;
  c.guard = c.seed & 1;
  c.scratch = c.seed % 3 == 0;
  return c;
}

static void run_all(void) {
  for (int first = 0; first < OPTIONS; first++) {
    for (int second = first; second < OPTIONS; second++) {
      mha_case c = first % 2 ? shape(4, 2, 9, 21, 12, 10) : shape(2, 2, 40, 37, 16, 16);
      c.batch = 2;
      apply(&c, first);
      apply(&c, second);
      run_case(&c);
    }
  }
  // A position for each sample, with every option.
  for (int option = 0; option < OPTIONS; option++) {
    for (int variant = 0; variant < 4; variant++) {
      mha_case c = variant & 1 ? shape(4, 2, 9, 21, 12, 10) : shape(2, 2, 40, 37, 16, 16);
      c.batch = 3;
      c.causal = 2;
      apply(&c, option);
      c.positions = variant & 2 ? 2 : 1;
      run_case(&c);
      c.alibi = 1;
      run_case(&c);
    }
  }
  static const int64_t lengths[][2] = {{1, 1}, {1, 64}, {2, 130}, {0, 5}, {5, 0}, {65, 64}, {33, 129}, {1, 700}};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    mha_case c = shape(4, 1, lengths[i][0], lengths[i][1], 24, 24);
    c.weights = RAPT_WEIGHTS_SOFTMAX;
    run_case(&c);
    c.bias_kv = c.zero_attention = c.average = 1;
    run_case(&c);
    c.batch = 0;
    run_case(&c);
  }
  for (int appended = 0; appended < 4; appended++) {
    mha_case alibi = shape(4, 2, 20, 20, 8, 8);
    alibi.alibi = 1;
    alibi.bias_kv = appended & 1;
    alibi.zero_attention = appended >> 1;
    alibi.weights = RAPT_WEIGHTS_BIAS;
    run_case(&alibi);
  }
  mha_case wide = shape(12, 12, 48, 48, 64, 64);
  wide.key_width = wide.value_width = wide.output_width = 768;
  run_case(&wide);
  random_state r = {77};
  for (int i = 0; i < test_sweep(250, 120, 30); i++) {
    int64_t kv_heads = random_between(&r, 1, 3);
    mha_case c = shape(kv_heads * random_between(&r, 1, 3), kv_heads, random_between(&r, 1, 50),
                       random_between(&r, 1, 90), random_between(&r, 1, 40), random_between(&r, 1, 40));
    c.batch = random_between(&r, 1, 3);
    c.query_width = random_between(&r, 1, 80);
    c.key_width = random_between(&r, 1, 80);
    c.value_width = random_between(&r, 1, 80);
    c.output_width = random_between(&r, 0, 80);
    for (int option = 0; option < OPTIONS; option++) {
      if (random_percent(&r, 12)) apply(&c, option);
    }
    c.average = c.weights >= 0 ? c.average : 0;
    run_case(&c);
  }
}

int main(int argc, char **argv) {
  static const struct option options[] = {
      {"isa", required_argument, NULL, 'i'}, {"case", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
  check_start();
  int option, replayed = 0;
  mha_case c;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    int good = option == 'i' ? test_only_tier(optarg) : option == 'c' && mha_case_parse(&c, optarg);
    if (!good) {
      fprintf(stderr, "usage: mha_test [--isa TIER] [--case 'batch=2 heads=4 ...']\n");
      return 2;
    }
    replayed |= option == 'c';
  }
  if (replayed) {
    run_case(&c);
  } else {
    run_all();
  }
  return check_finish("mha_test");
}
