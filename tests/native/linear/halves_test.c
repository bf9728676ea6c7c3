// SPDX-License-Identifier: Apache-2.0
// Linear projections whose weights are f16 and bf16, on every tier, between guard pages: bit by bit against the same
// weights given as f32, unless input and weights are both bf16, which a tier may multiply in pairs; and against the
// double reference.
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
#include "support/storage.h"

enum { ROWS, PADDED_ROWS, COLUMNS, EVERY_OTHER, EVERY_OTHER_COLUMN, BACKWARDS, LAYOUTS };

// specials: infinities, NaN and the smallest numbers among the weights.
typedef struct halves_case {
  int64_t dtype, batch, rows, in, out, storage, layout, specials, guard, seed;
} halves_case;

enum { CASE_FIELDS = sizeof(halves_case) / sizeof(int64_t) };

typedef struct problem {
  // The input as it is, and as floats for the reference.
  test_tensor weight, widened, bias, input, floats, output;
  rapt_linear_parameters parameters, plain;
  rapt_linear call;
} problem;

static float special(random_state *r) {
  static const float values[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 0x1p-24f, -0x1p-24f, 0x1p-126f};
  return values[random_between(r, 0, sizeof values / sizeof values[0] - 1)];
}

static void build_weight(const halves_case *c, random_state *r, problem *p) {
  int64_t size[2] = {c->out, c->in}, dense[2] = {c->in, 1}, stride[2] = {c->in, 1};
  if (c->layout == PADDED_ROWS) stride[0] = c->in + 3;
  if (c->layout == EVERY_OTHER) stride[0] = 2 * c->in, stride[1] = 2;
  if (c->layout == COLUMNS) stride[0] = 1, stride[1] = c->out;
  if (c->layout == EVERY_OTHER_COLUMN) stride[0] = 2, stride[1] = 2 * c->out;
  if (c->layout == BACKWARDS) stride[0] = -c->in;
  test_tensor_place(&p->weight, (int32_t)c->dtype, 2, size, stride, (int)c->guard);
  test_tensor_place(&p->widened, RAPT_F32, 2, size, dense, 0);
  for (int64_t o = 0; o < c->out; o++) {
    for (int64_t i = 0; i < c->in; i++) {
      float value = c->specials && random_percent(r, 3) ? special(r) : random_unit(r);
      int64_t at = o * stride[0] + i * stride[1];
      storage_set(p->weight.tensor.data, p->weight.tensor.dtype, at, value);
      *tensor_f32(&p->widened.tensor, o, i, 0, 0) = storage_get(p->weight.tensor.data, p->weight.tensor.dtype, at);
    }
  }
  p->plain = (rapt_linear_parameters){.struct_size = sizeof p->plain,
                                      .weight = p->widened.tensor,
                                      .bias = p->bias.tensor,
                                      .in_features = c->in,
                                      .out_features = c->out};
  p->parameters = p->plain;
  p->parameters.weight = p->weight.tensor;
}

static void fill_dense(test_tensor *t, int64_t count, random_state *r) {
  for (int64_t i = 0; i < count; i++) storage_set(t->tensor.data, t->tensor.dtype, i, random_unit(r));
}

static void build(const halves_case *c, problem *p) {
  random_state r = {(uint64_t)c->seed};
  int64_t one[1] = {c->out}, step[1] = {1};
  test_tensor_place(&p->bias, RAPT_F32, 1, one, step, (int)c->guard);
  fill_dense(&p->bias, c->out, &r);
  build_weight(c, &r, p);
  int64_t in[3] = {c->batch, c->rows, c->in}, in_stride[3] = {c->rows * c->in, c->in, 1};
  int64_t out[3] = {c->batch, c->rows, c->out}, out_stride[3] = {c->rows * c->out, c->out, 1};
  test_tensor_place(&p->input, (int32_t)c->storage, 3, in, in_stride, (int)c->guard);
  test_tensor_place(&p->output, RAPT_F32, 3, out, out_stride, (int)c->guard);
  fill_dense(&p->input, c->batch * c->rows * c->in, &r);
  test_tensor_place(&p->floats, RAPT_F32, 3, in, in_stride, 0);
  for (int64_t i = 0; i < c->batch * c->rows * c->in; i++) {
    float value = storage_get(p->input.tensor.data, p->input.tensor.dtype, i);
    storage_set(p->floats.tensor.data, RAPT_F32, i, value);
  }
  p->call = (rapt_linear){.head = {.struct_size = sizeof p->call},
                          .input = p->input.tensor,
                          .output = p->output.tensor,
                          .batch = c->batch,
                          .rows = c->rows};
}

// Runs with weights packed by `by`, on `context`, and returns a copy of what it wrote.
static float *run_on(const char *where, rapt_context *by, rapt_context *context, problem *p,
                     const rapt_linear_parameters *parameters) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  rapt_status status = rapt_linear_create(by, parameters, &linear, &error);
  CHECK(status == RAPT_OK, "%s: create: %s", where, error.message);
  test_tensor_wipe(&p->output);
  p->call.weights = linear;
  if (status == RAPT_OK) {
    status = rapt_linear_run(context, &p->call, &error);
    CHECK(status == RAPT_OK, "%s: run: %s", where, error.message);
    CHECK(test_tensor_damage(&p->output) == 0, "%s: wrote between the output's elements", where);
  }
  rapt_linear_destroy(linear);
  float *copy = malloc(p->output.bytes + 1);
  if (copy == NULL) check_abort("the test cannot allocate its copy");
  memcpy(copy, p->output.start, p->output.bytes);
  return copy;
}

// Elements that differ; one NaN is as good as another.
static int64_t differing(const problem *p, const float *a, const float *b) {
  int64_t count = 0, elements = p->call.batch * p->call.rows * p->parameters.out_features;
  for (int64_t i = 0; i < elements; i++) count += !(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
  return count;
}

static void run_tier(const halves_case *c, problem *p, const tier *t, const reference_number *expected) {
  int in_pairs = t->isa == RAPT_ISA_AVX512BF16 && c->dtype == RAPT_BF16 && c->storage == RAPT_BF16;
  float *plain = run_on("f32", t->context[0], t->context[0], p, &p->plain), *first = NULL;
  for (int n = 0; n < THREAD_COUNTS; n++) {
    char where[64];
    snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(t->isa), (int)thread_counts[n]);
    float *halves = run_on(where, t->context[n], t->context[THREAD_COUNTS - 1 - n], p, &p->parameters);
    int64_t wrong = differing(p, in_pairs && first != NULL ? first : plain, halves);
    CHECK(wrong == 0 || (in_pairs && first == NULL), "%s: %lld results differ from those of %s", where,
          (long long)wrong, in_pairs ? "other threads" : "f32 weights");
    int64_t size[4] = {c->batch, c->rows, c->out, 1};
    if (!c->specials) compare_result(where, "output", &p->call.output, size, expected);
    if (first == NULL) {
      first = halves;
    } else {
      free(halves);
    }
  }
  free(first);
  free(plain);
}

static void run_case(const halves_case *c) {
  static problem p;
  check_set_case("halves_test %lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld", (long long)c->dtype,
                 (long long)c->batch, (long long)c->rows, (long long)c->in, (long long)c->out, (long long)c->storage,
                 (long long)c->layout, (long long)c->specials, (long long)c->guard, (long long)c->seed);
  build(c, &p);
  reference_number *expected = reference_numbers(c->batch * c->rows * c->out);
  rapt_linear in_floats = p.call;
  in_floats.input = p.floats.tensor;
  if (!c->specials) reference_linear(&p.plain, &in_floats, expected);
  int tier_count;
  const tier *tiers = test_tiers(0, &tier_count);
  for (int i = 0; i < tier_count; i++) run_tier(c, &p, &tiers[i], expected);
  free(expected);
  check_set_case("%s", "");
}

static void run_all(void) {
  static const int32_t dtypes[] = {RAPT_F16, RAPT_BF16}, storages[] = {RAPT_F32, RAPT_F16, RAPT_BF16};
  int64_t seed = 1;
  for (int d = 0; d < 2; d++) {
    for (int64_t rows = 1; rows <= 26; rows++) {
      run_case(&(halves_case){dtypes[d], 1, rows, 94, 170, storages[rows % 3], 0, rows % 2, rows & 1, seed++});
    }
    for (int64_t in = 1; in <= 70; in += 1 + in / 8) {
      run_case(&(halves_case){dtypes[d], 1, in % 4 + 1, in, 3 * in, RAPT_F32, in % LAYOUTS, 0, in & 1, seed++});
      run_case(&(halves_case){dtypes[d], 3, 7, in, in, RAPT_BF16, in % LAYOUTS, 0, in & 1, seed++});
    }
    for (int64_t layout = 0; layout < LAYOUTS; layout++) {
      for (int storage = 0; storage < 3; storage++) {
        run_case(&(halves_case){dtypes[d], 1, 1, 128, 200, storages[storage], layout, 0, layout & 1, seed++});
        run_case(&(halves_case){dtypes[d], 5, 1, 301, 40, storages[storage], layout, 1, layout & 1, seed++});
        run_case(&(halves_case){dtypes[d], 2, 50, 96, 77, storages[storage], layout, 0, layout & 1, seed++});
      }
    }
    // Several steps over the input features, of an odd share among them, rows of a power of two, and groups of panels.
    run_case(&(halves_case){dtypes[d], 1, 1, 4096, 300, RAPT_F32, 0, 0, 0, seed++});
    run_case(&(halves_case){dtypes[d], 1, 9, 2048, 100, RAPT_BF16, 0, 0, 0, seed++});
    run_case(&(halves_case){dtypes[d], 1, 4, 1054, 520, RAPT_BF16, 2, 0, 0, seed++});
    run_case(&(halves_case){dtypes[d], 1, 100, 3002, 150, RAPT_F32, 0, 0, 0, seed++});
    run_case(&(halves_case){dtypes[d], 0, 5, 64, 9, RAPT_F32, 0, 0, 0, seed++});
  }
}

// halves_test ["dtype,batch,rows,in,out,storage,layout,specials,guard,seed"]
int main(int argc, char **argv) {
  check_start();
  if (argc > 1) {
    int64_t field[CASE_FIELDS] = {0};
    char *at = argv[1];
    for (int i = 0; i < CASE_FIELDS; i++) {
      field[i] = strtoll(at, &at, 10);
      at += *at == ',';
    }
    halves_case c;
    memcpy(&c, field, sizeof c);
    run_case(&c);
  } else {
    run_all();
  }
  return check_finish("halves_test");
}
