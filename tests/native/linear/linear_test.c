// SPDX-License-Identifier: Apache-2.0
// Linear projections on every tier against the double reference, between guard pages.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/reference.h"

// One projection; layout: 0 dense, 1 padded rows, 2 transposed, 3 reversed, 4 the batch shared (input only).
typedef struct linear_case {
  int64_t batch, rows, in, out, bias, layout, weight_layout, guard, seed;
} linear_case;

enum { CASE_FIELDS = sizeof(linear_case) / sizeof(int64_t), LAYOUTS = 5, WEIGHT_LAYOUTS = 4 };

typedef struct linear_tensors {
  test_tensor weight, bias, input, output;
  guard_buffer scratch;
} linear_tensors;

static void strides_of(int64_t layout, int is_output, int64_t rows, int64_t width, int64_t stride[3]) {
  int64_t dense[3] = {rows * width, width, 1};
  if (layout == 1) {
    dense[1] = width + 3;
    dense[0] = rows * dense[1] + 5;
  } else if (layout == 2) {
    dense[1] = 1;
    dense[2] = rows;
  } else if (layout == 3) {
    dense[0] = -dense[0];
    dense[1] = -dense[1];
    dense[2] = -1;
  } else if (layout == 4 && !is_output) {
    dense[0] = 0;
  }
  memcpy(stride, dense, sizeof dense);
}

static void fill(test_tensor *t, random_state *r) {
  for (int64_t i = 0; i < t->size[0]; i++) {
    for (int64_t j = 0; j < t->size[1]; j++) {
      for (int64_t k = 0; k < t->size[2]; k++) *tensor_f32(&t->tensor, i, j, k, 0) = random_unit(r);
    }
  }
}

static void place3(test_tensor *t, const linear_case *c, int is_output, int64_t width) {
  int64_t size[3] = {c->batch, c->rows, width}, stride[3];
  strides_of(c->layout, is_output, c->rows, width, stride);
  test_tensor_place(t, RAPT_F32, 3, size, stride, (int)c->guard);
}

static void build(const linear_case *c, linear_tensors *t, rapt_linear_parameters *weights, rapt_linear *call) {
  random_state r = {(uint64_t)c->seed};
  int64_t size[2] = {c->out, c->in}, stride[3];
  strides_of(c->weight_layout, 0, c->out, c->in, stride);
  test_tensor_place(&t->weight, RAPT_F32, 2, size, stride + 1, (int)c->guard);
  test_tensor_clear(&t->bias);
  if (c->bias) {
    int64_t one[1] = {c->out}, step[1] = {c->bias == 2 ? -2 : 1};
    test_tensor_place(&t->bias, RAPT_F32, 1, one, step, (int)c->guard);
    fill(&t->bias, &r);
  }
  place3(&t->input, c, 0, c->in);
  place3(&t->output, c, 1, c->out);
  fill(&t->weight, &r);
  fill(&t->input, &r);
  *weights = (rapt_linear_parameters){.struct_size = sizeof *weights,
                                      .weight = t->weight.tensor,
                                      .bias = t->bias.tensor,
                                      .in_features = c->in,
                                      .out_features = c->out};
  *call = (rapt_linear){.head = {.struct_size = sizeof *call},
                        .input = t->input.tensor,
                        .output = t->output.tensor,
                        .batch = c->batch,
                        .rows = c->rows};
}

static void run_on(const char *where, rapt_context *context, linear_tensors *t, const rapt_linear_parameters *weights,
                   rapt_linear *call, int own_scratch, const reference_number *expected) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  CHECK(rapt_linear_create(context, weights, &linear, &error) == RAPT_OK, "%s: create: %s", where, error.message);
  if (linear == NULL) return;
  test_tensor_wipe(&t->output);
  call->weights = linear;
  call->head.scratch = NULL;
  call->head.scratch_size = 0;
  rapt_plan plan = {.struct_size = sizeof plan};
  CHECK(rapt_linear_plan(context, call, &plan, &error) == RAPT_OK && plan.supported == 1, "%s: plan: %s%s", where,
        error.message, plan.reason);
  if (own_scratch) {
    call->head.scratch = guard_place(&t->scratch, ((size_t)plan.scratch_size + 63) & ~(size_t)63, GUARD_END);
    call->head.scratch_size = plan.scratch_size;
  }
  rapt_status status = rapt_linear_run(context, call, &error);
  CHECK(status == RAPT_OK, "%s: run: %s", where, error.message);
  int64_t size[4] = {call->batch, call->rows, weights->out_features, 1};
  if (status == RAPT_OK) {
    compare_result(where, "output", &call->output, size, expected);
    CHECK(test_tensor_damage(&t->output) == 0, "%s: wrote between the output's elements", where);
  }
  rapt_linear_destroy(linear);
}

static void run_case(const linear_case *c) {
  static linear_tensors t;
  rapt_linear_parameters weights;
  rapt_linear call;
  check_set_case("linear_test %lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld", (long long)c->batch, (long long)c->rows,
                 (long long)c->in, (long long)c->out, (long long)c->bias, (long long)c->layout,
                 (long long)c->weight_layout, (long long)c->guard, (long long)c->seed);
  build(c, &t, &weights, &call);
  reference_number *expected = reference_numbers(c->batch * c->rows * c->out);
  reference_linear(&weights, &call, expected);
  int tier_count;
  const tier *tiers = test_tiers(0, &tier_count);
  for (int i = 0; i < tier_count; i++) {
    unsigned char *first = NULL;
    for (int n = 0; n < THREAD_COUNTS; n++) {
      char where[64];
      snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(tiers[i].isa), (int)thread_counts[n]);
      run_on(where, tiers[i].context[n], &t, &weights, &call, (int)(c->seed & 1), expected);
      if (first == NULL) {
        first = malloc(t.output.bytes + 1);
        if (first == NULL) check_abort("the test cannot allocate its copy");
        memcpy(first, t.output.start, t.output.bytes);
      } else {
        CHECK(!memcmp(first, t.output.start, t.output.bytes), "%s: other bits than with %d thread", where,
              (int)thread_counts[0]);
      }
    }
    free(first);
  }
  free(expected);
  check_set_case("%s", "");
}

static void run_all(void) {
  static const int64_t edges[] = {1,  2,  3,  5,  7,  8,  9,  11, 12, 13, 15, 16, 17,  23,  24,  25,
                                  31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129, 257};
  enum { EDGES = sizeof edges / sizeof edges[0] };
  int64_t seed = 1;
  for (int i = 0; i < EDGES; i++) {
    run_case(&(linear_case){1, edges[i], 20, 35, 1, 0, 0, i & 1, seed++});
    run_case(&(linear_case){1, 14, edges[i], 35, 0, 0, 0, i & 1, seed++});
    run_case(&(linear_case){1, 14, 20, edges[i], 1, 0, 0, i & 1, seed++});
    run_case(&(linear_case){2, edges[i], edges[EDGES - 1 - i], edges[i], 1, 1, 1, i & 1, seed++});
  }
  for (int64_t layout = 0; layout < LAYOUTS; layout++) {
    for (int64_t weight_layout = 0; weight_layout < WEIGHT_LAYOUTS; weight_layout++) {
      for (int64_t guard = 0; guard < 2; guard++) {
        run_case(&(linear_case){3, 13, 37, 50, 2, layout, weight_layout, guard, seed++});
        run_case(&(linear_case){2, 1, 129, 17, 1, layout, weight_layout, guard, seed++});
      }
    }
  }
  for (int64_t width = 1; width <= 40; width++) {
    run_case(&(linear_case){1, 7, width, 41 - width, 1, 0, 0, 0, seed++});
    run_case(&(linear_case){1, 3, width, width, 0, 0, 0, 1, seed++});
  }
  run_case(&(linear_case){0, 5, 7, 9, 1, 0, 0, 0, seed++});
  run_case(&(linear_case){2, 0, 7, 9, 1, 0, 0, 0, seed++});
  run_case(&(linear_case){1, 64, 768, 768, 1, 0, 0, 0, seed++});
  run_case(&(linear_case){1, 5, 3000, 40, 1, 0, 0, 0, seed++});
  // Several steps over the input features, groups of weight panels, blocks of rows, and rows that follow each other at
  // one distance through the batch or do not.
  for (int64_t layout = 0; layout < LAYOUTS; layout++) {
    run_case(&(linear_case){2, 13, 1100, 150, 1, layout, 0, 0, seed++});
    run_case(&(linear_case){1, 550, 30, 70, 1, layout, 0, 1, seed++});
    run_case(&(linear_case){50, 13, 30, 70, 1, layout, 0, 0, seed++});
    run_case(&(linear_case){300, 2, 30, 70, 0, layout, 0, 1, seed++});
    run_case(&(linear_case){600, 1, 30, 70, 0, layout, 0, 0, seed++});
  }
  random_state r = {5};
  for (int i = 0; i < test_sweep(300, 150, 60); i++) {
    run_case(&(linear_case){random_between(&r, 1, 3), random_between(&r, 1, 130), random_between(&r, 1, 300),
                            random_between(&r, 1, 200), random_between(&r, 0, 2), random_between(&r, 0, LAYOUTS - 1),
                            random_between(&r, 0, WEIGHT_LAYOUTS - 1), random_between(&r, 0, 1), seed++});
  }
}

// linear_test ["batch,rows,in,out,bias,layout,weight_layout,guard,seed"]
int main(int argc, char **argv) {
  check_start();
  if (argc > 1) {
    int64_t field[CASE_FIELDS] = {0};
    char *at = argv[1];
    for (int i = 0; i < CASE_FIELDS; i++) {
      field[i] = strtoll(at, &at, 10);
      at += *at == ',';
    }
    linear_case c;
    memcpy(&c, field, sizeof c);
    run_case(&c);
  } else {
    run_all();
  }
  return check_finish("linear_test");
}
