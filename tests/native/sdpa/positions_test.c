// SPDX-License-Identifier: Apache-2.0
// A position for each sample: the bits of a batch are those of its samples, each run alone with options.position, in
// attention and in multi-head attention, on every tier.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tensor.h"
#include "call/operation.h"
#include "mha/mha_case.h"
#include "sdpa/sdpa_case.h"
#include "support/check.h"
#include "support/contexts.h"

// Whether a dimension is the batch, in calls that are neither ragged nor paged.
static int by_sample(int32_t number, char letter) {
  return letter == 'B' || (number == RAPT_SDPA && (letter == 'A' || letter == 'E'));
}

// The call of sample b alone: `tensors` at its elements, its position an option.
static void take_sample(int32_t number, unsigned char *call, int64_t b) {
  const rapt_operation *operation = rapt_operation_of(number);
  int64_t one = 1, position = 0;
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    rapt_tensor *t = (rapt_tensor *)(void *)(call + o->offset);
    if (!strcmp(o->name, "positions")) {
      position = rapt_index_at(t, b, 0);
      *t = (rapt_tensor){0};
    } else if (rapt_is_present(t) && by_sample(number, o->shape[0])) {
      t->data = rapt_row(t, b, 0, 0);
    }
  }
  for (const rapt_dimension *d = operation->dimensions; d->name != NULL; d++) {
    if (d->letter == 'B') memcpy(call + d->offset, &one, sizeof one);
  }
  memcpy(call + rapt_field_offset(operation->struct_name, "options.position"), &position, sizeof position);
}

static void run(rapt_context *context, int32_t number, const void *call, const char *what) {
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_run_call(context, number, call, &error) == RAPT_OK, "%s: %s", what, error.message);
}

enum { MOST_RESULTS = 3 };

// Results of the batch, kept while the samples are run into the same memory.
static void compare(const tier *on, int32_t number, const void *call, int64_t batch, test_tensor *const *results) {
  const size_t size = rapt_operation_of(number)->struct_size;
  _Alignas(64) unsigned char sample[RAPT_PROBLEM_ROOM];
  for (int n = 0; n < THREAD_COUNTS; n++) {
    unsigned char *kept[MOST_RESULTS];
    for (int i = 0; i < MOST_RESULTS; i++) test_tensor_wipe(results[i]);
    run(on->context[n], number, call, "the batch");
    for (int i = 0; i < MOST_RESULTS; i++) {
      kept[i] = malloc(results[i]->bytes + 1);
      if (kept[i] == NULL) check_abort("the test cannot allocate %zu bytes", results[i]->bytes);
      if (results[i]->bytes) memcpy(kept[i], results[i]->start, results[i]->bytes);
      test_tensor_wipe(results[i]);
    }
    for (int64_t b = 0; b < batch; b++) {
      memcpy(sample, call, size);
      take_sample(number, sample, b);
      run(on->context[(n + b) % THREAD_COUNTS], number, sample, "a sample");
    }
    for (int i = 0; i < MOST_RESULTS; i++) {
      CHECK(!results[i]->bytes || !memcmp(kept[i], results[i]->start, results[i]->bytes),
            "%s with %d threads, result %d: other bits than the samples alone", rapt_isa_name(on->isa),
            (int)thread_counts[n], i);
      free(kept[i]);
    }
  }
}

static void sdpa_case_compare(const sdpa_case *c) {
  static sdpa_tensors t;
  rapt_sdpa call;
  int count;
  const tier *tiers = test_tiers(1, &count);
  char text[768];
  sdpa_case_print(c, text, sizeof text);
  sdpa_case_build(c, &t, &call);
  sdpa_case_narrow(c, &t, &call);
  test_tensor *const results[MOST_RESULTS] = {&t.output, &t.lse, &t.weights};
  for (int i = 0; i < count; i++) {
    check_set_case("positions_test, %s: %s", rapt_isa_name(tiers[i].isa), text);
    compare(&tiers[i], RAPT_SDPA, &call, c->batch, results);
  }
}

// 0 nothing, 1 causal, 2 a window, 3 ALiBi, 4 all of them.
enum { RULES = 5 };

static void test_sdpa(int decode, int rule, int64_t positions, int storage) {
  static int64_t seed = 1;
  sdpa_case c = sdpa_case_default();
  c.batch = 4;
  c.heads = 4;
  c.kv_heads = 2;
  c.q_len = decode ? 1 + seed % 3 : 37;
  c.kv_len = decode ? 700 : 150;
  c.head_dim = 24;
  c.value_dim = 24;
  c.positions = positions;
  c.position = c.kv_len / 2;
  c.causal = rule == 1 || rule == 4;
  c.window = rule == 2 || rule == 4;
  c.window_left = 40;
  c.window_right = 2;
  c.alibi = rule >= 3;
  c.weights = seed % 3 ? -1 : (int64_t)RAPT_WEIGHTS_SOFTMAX;
  c.layout = seed % 2 ? LAYOUT_BHSD : LAYOUT_PADDED;
  c.key_groups = c.value_groups = storage == 1 ? 3 : 0;
  c.bf16 = storage == 2;
  c.seed = seed++;
  sdpa_case_compare(&c);
  // As far out as the type goes: of some samples nothing is seen, of others all.
  static const int64_t far[] = {INT64_MAX, INT64_MIN, -40, 1000};
  for (int i = 0; i < 4; i++) {
    c.position = far[i];
    sdpa_case_compare(&c);
  }
}

static void test_mha(int32_t rule, int64_t positions, int average, int appended) {
  static mha_tensors t;
  static int64_t seed = 1;
  mha_case c = mha_case_default();
  c.batch = 3;
  c.heads = 4;
  c.q_len = seed % 2 ? 21 : 2;
  c.kv_len = 45;
  c.query_width = 32;
  c.causal = rule == 1 || rule == 4 ? 2 : 0;
  c.window = rule == 2 || rule == 4;
  c.alibi = rule >= 3;
  c.bias_kv = c.zero_attention = appended;
  c.padding = seed % 3 == 0;
  c.weights = average || seed % 2 ? (int64_t)RAPT_WEIGHTS_SOFTMAX : -1;
  c.average = average;
  c.positions = positions;
  c.seed = seed++;
  reference_projections p;
  rapt_mha call;
  int count;
  const tier *tiers = test_tiers(1, &count);
  mha_case_build(&c, &t, &p, &call);
  test_tensor *const results[MOST_RESULTS] = {&t.output, &t.lse, &t.weights};
  for (int i = 0; i < count; i++) {
    mha_case_name(&c, tiers[i].isa);
    const rapt_linear_parameters *parameters[4] = {&p.query, &p.key, &p.value, &p.output};
    rapt_linear_weights *weights[4];
    rapt_error error = {.struct_size = sizeof error};
    for (int n = 0; n < 4; n++) {
      if (rapt_linear_create(tiers[i].context[0], parameters[n], &weights[n], &error) != RAPT_OK) {
        check_abort("projection %d: %s", n, error.message);
      }
    }
    call.query_projection = weights[0];
    call.key_projection = weights[1];
    call.value_projection = weights[2];
    call.output_projection = weights[3];
    compare(&tiers[i], RAPT_MHA, &call, c.batch, results);
    for (int n = 0; n < 4; n++) rapt_linear_destroy(weights[n]);
  }
}

int main(void) {
  check_start();
  for (int rule = 0; rule < RULES; rule++) {
    for (int64_t positions = 1; positions <= 2; positions++) {
      for (int n = 0; n < 6; n++) test_sdpa(n % 2, rule, positions, n / 2);
      for (int n = 0; n < 8; n++) test_mha(rule, positions, n & 1, n & 2);
    }
  }
  return check_finish("positions_test");
}
