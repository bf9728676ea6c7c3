// SPDX-License-Identifier: Apache-2.0
// The bound under inputs made to break it: near-tied keys, sums of terms that are rounded alike, totals far larger than
// what is added to them. And that it is no wide one: results of coarser arithmetic are beyond it. bound_test runs every
// CPU tier; bound_test --cuda runs the CUDA device, on memory that both sides reach.
#include <math.h>
#include <rapt/rapt.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/random.h"
#include "support/reference.h"
#include "support/storage.h"

static rapt_context *contexts[MAX_TIERS];
static const char *context_names[MAX_TIERS];
static int context_count;
static int on_cuda;

typedef struct shape {
  int64_t batch, heads, kv_heads, q_len, kv_len, dim, value_dim;
  int causal;
  // Of query and key, and of the output; values are f32.
  int32_t input, output;
} shape;

// What a problem is made of, as f32: rows of queries, keys and values.
typedef struct numbers {
  int64_t queries, keys;
  float *q, *k, *v;
} numbers;

static void *allocate(size_t bytes) {
  void *memory = NULL;
  if (on_cuda) {
    rapt_error error = {.struct_size = sizeof error};
    if (rapt_memory_allocate(contexts[0], RAPT_MEMORY_PINNED, (int64_t)bytes, &memory, &error) != RAPT_OK) {
      check_abort("no pinned memory: %s", error.message);
    }
  } else {
    memory = malloc(bytes);
  }
  if (memory == NULL) check_abort("the test cannot allocate %zu bytes", bytes);
  return memory;
}

static void release(void *memory) {
  if (on_cuda) {
    rapt_memory_free(contexts[0], RAPT_MEMORY_PINNED, memory, NULL);
  } else {
    free(memory);
  }
}

static rapt_tensor rows_of(void *data, int32_t dtype, int64_t heads, int64_t rows, int64_t dim) {
  return (rapt_tensor){.data = data, .stride = {heads * rows * dim, rows * dim, dim, 1}, .dtype = dtype};
}

static rapt_sdpa describe(const shape *s, const numbers *n) {
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = rows_of(n->q, RAPT_F32, s->heads, s->q_len, s->dim),
                    .key = rows_of(n->k, RAPT_F32, s->kv_heads, s->kv_len, s->dim),
                    .value = rows_of(n->v, RAPT_F32, s->kv_heads, s->kv_len, s->value_dim),
                    .batch = s->batch,
                    .query_heads = s->heads,
                    .kv_heads = s->kv_heads,
                    .query_len = s->q_len,
                    .kv_len = s->kv_len,
                    .head_dim = s->dim,
                    .value_dim = s->value_dim};
  call.options.weights_stage = RAPT_WEIGHTS_SOFTMAX;
  if (s->causal) call.options.flags = RAPT_CAUSAL;
  call.options.position = s->kv_len - s->q_len;
  return call;
}

static numbers numbers_of(const shape *s) {
  numbers n = {.queries = s->batch * s->heads * s->q_len, .keys = s->batch * s->kv_heads * s->kv_len};
  n.q = allocate((size_t)(n.queries * s->dim) * sizeof(float));
  n.k = allocate((size_t)(n.keys * s->dim) * sizeof(float));
  n.v = allocate((size_t)(n.keys * s->value_dim) * sizeof(float));
  return n;
}

static void release_numbers(numbers *n) { release(n->q), release(n->k), release(n->v); }

static reference_attended expect(const rapt_sdpa *call) {
  int64_t rows = call->batch * call->query_heads * call->query_len;
  reference_attended expected = {reference_numbers(rows * call->value_dim), reference_numbers(rows),
                                 reference_numbers(rows * call->kv_len)};
  reference_attention(call, &expected);
  return expected;
}

static void release_expected(reference_attended *e) { free(e->output), free(e->lse), free(e->weights); }

// The same in bf16; what it stands for stays in the floats.
static uint16_t *narrow(float *from, int64_t count) {
  uint16_t *to = allocate((size_t)count * sizeof *to);
  for (int64_t i = 0; i < count; i++) {
    to[i] = storage_nearest(RAPT_BF16, from[i]);
    from[i] = storage_value(RAPT_BF16, to[i]);
  }
  return to;
}

typedef void fill(const shape *s, random_state *r, numbers *n);

static void check_problem(const shape *s, fill *fill_numbers, uint64_t seed) {
  random_state r = {seed};
  numbers n = numbers_of(s);
  fill_numbers(s, &r, &n);
  uint16_t *narrow_q = NULL, *narrow_k = NULL;
  rapt_sdpa call = describe(s, &n);
  const int64_t rows = n.queries;
  if (s->input == RAPT_BF16) {
    narrow_q = narrow(n.q, rows * s->dim);
    narrow_k = narrow(n.k, n.keys * s->dim);
  }
  reference_attended expected = expect(&call);
  if (narrow_q != NULL) {
    call.query = rows_of(narrow_q, RAPT_BF16, s->heads, s->q_len, s->dim);
    call.key = rows_of(narrow_k, RAPT_BF16, s->kv_heads, s->kv_len, s->dim);
  }
  const int64_t output[4] = {s->batch, s->heads, s->q_len, s->value_dim}, lse[4] = {s->batch, s->heads, s->q_len, 1};
  const int64_t weights[4] = {s->batch, s->heads, s->q_len, s->kv_len};
  void *memory[] = {allocate((size_t)(rows * s->value_dim) * sizeof(float)), allocate((size_t)rows * sizeof(float)),
                    allocate((size_t)(rows * s->kv_len) * sizeof(float))};
  call.output = rows_of(memory[0], s->output, s->heads, s->q_len, s->value_dim);
  call.lse = (rapt_tensor){.data = memory[1], .stride = {s->heads * s->q_len, s->q_len, 1}, .dtype = RAPT_F32};
  call.weights = rows_of(memory[2], RAPT_F32, s->heads, s->q_len, s->kv_len);
  for (int c = 0; c < context_count; c++) {
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_sdpa_run(contexts[c], &call, &error) == RAPT_OK, "%s: %s", context_names[c], error.message);
    compare_result(context_names[c], "output", &call.output, output, expected.output);
    compare_result(context_names[c], "lse", &call.lse, lse, expected.lse);
    compare_result(context_names[c], "weights", &call.weights, weights, expected.weights);
  }
  for (int i = 0; i < 3; i++) release(memory[i]);
  if (narrow_q != NULL) release(narrow_q), release(narrow_k);
  release_expected(&expected);
  release_numbers(&n);
}

static void set(float *x, int64_t count, float value) {
  for (int64_t i = 0; i < count; i++) x[i] = value;
}

static void set_random(float *x, int64_t count, random_state *r, float low, float high) {
  for (int64_t i = 0; i < count; i++) x[i] = (low + high) / 2 + (high - low) / 2 * random_unit(r);
}

// Of the normal distribution (Box and Muller 1958).
static float normal(random_state *r) {
  double u = (double)random_between(r, 1, INT64_C(1) << 40) * 0x1p-40, v = (double)random_unit(r);
  return (float)(sqrt(-2 * log(u)) * cos(3.14159265358979 * v));
}

// Pairs of keys that differ little, so that a query of the same head scores the second within about 1 of the first.
static void fill_near_ties(const shape *s, random_state *r, numbers *n) {
  for (int64_t i = 0; i < n->queries * s->dim; i++) n->q[i] = 12 * normal(r);
  for (int64_t i = 0; i < n->keys * s->dim; i++) n->k[i] = 12 * normal(r);
  set_random(n->v, n->keys * s->value_dim, r, -1, 1);
  for (int64_t j = 1; j < n->keys; j += 2) {
    float *key = n->k + j * s->dim;
    const float *query = n->q + j / s->kv_len * (n->queries * s->kv_len / n->keys) * s->dim;
    double product = 0, square = 0, aim = (double)random_unit(r) * sqrt((double)s->dim);
    for (int64_t d = 0; d < s->dim; d++) {
      key[d] = normal(r);
      product += (double)query[d] * (double)key[d];
      square += (double)query[d] * (double)query[d];
    }
    for (int64_t d = 0; d < s->dim; d++) {
      key[d] = key[d - s->dim] + (float)((double)key[d] + (aim - product) / square * (double)query[d]);
    }
  }
}

static void fill_constant(const shape *s, random_state *r, numbers *n) {
  (void)r;
  set(n->q, n->queries * s->dim, 0.1f);
  set(n->k, n->keys * s->dim, 0.3f);
  set(n->v, n->keys * s->value_dim, 0.1f);
}

static void fill_alternating(const shape *s, random_state *r, numbers *n) {
  fill_constant(s, r, n);
  for (int64_t j = 1; j < n->keys; j += 2) set(n->v + j * s->value_dim, s->value_dim, -0.1f);
}

static void fill_halves(const shape *s, random_state *r, numbers *n) {
  fill_constant(s, r, n);
  for (int64_t j = 0; j < n->keys; j++) {
    if (j % s->kv_len >= s->kv_len / 2) set(n->v + j * s->value_dim, s->value_dim, -0.1f);
  }
}

// Equal but for the last bits: no two weights are the same, but they are rounded much alike.
static void fill_almost_constant(const shape *s, random_state *r, numbers *n) {
  fill_constant(s, r, n);
  for (int64_t i = 0; i < n->keys * s->dim; i++) n->k[i] += 0x1p-20f * random_unit(r);
  for (int64_t i = 0; i < n->keys * s->value_dim; i++) n->v[i] += 0x1p-22f * random_unit(r);
}

static void fill_positive(const shape *s, random_state *r, numbers *n) {
  set_random(n->q, n->queries * s->dim, r, 0.5f, 1);
  set_random(n->k, n->keys * s->dim, r, 0.5f, 1);
  set_random(n->v, n->keys * s->value_dim, r, 0.5f, 1);
}

// Products that are positive in the first half of the dimensions and negative in the second.
static void fill_signed_halves(const shape *s, random_state *r, numbers *n) {
  fill_positive(s, r, n);
  for (int64_t i = 0; i < n->keys * s->dim; i++) {
    if (i % s->dim >= s->dim / 2) n->k[i] = -n->k[i];
  }
}

static void fill_far_from_zero(const shape *s, random_state *r, numbers *n) {
  set_random(n->q, n->queries * s->dim, r, -1, 1);
  set_random(n->k, n->keys * s->dim, r, -1, 1);
  set_random(n->v, n->keys * s->value_dim, r, 999, 1001);
}

// One key of a head outweighs all others, whose logits are between low and high; in no fixed place.
static void fill_peaked(const shape *s, random_state *r, numbers *n, double low, double high) {
  set(n->q, n->queries * s->dim, 1);
  set_random(n->v, n->keys * s->value_dim, r, 0.5f, 1);
  for (int64_t j = 0; j < n->keys; j++) {
    double logit = low + (high - low) * (0.5 + 0.5 * (double)random_unit(r));
    set(n->k + j * s->dim, s->dim, (float)(logit / sqrt((double)s->dim)));
  }
  for (int64_t h = 0; h < n->keys / s->kv_len; h++) {
    int64_t peak = h * s->kv_len + random_between(r, 0, s->kv_len - 1);
    set(n->k + peak * s->dim, s->dim, 0);
    // Here what the others add up to is all there is.
    if (h % 2) set(n->v + peak * s->value_dim, s->value_dim, 0);
  }
}

static void fill_peaked_random(const shape *s, random_state *r, numbers *n) {
  fill_peaked(s, r, n, log(1e-9), log(1e-5));
}

static void fill_peaked_alike(const shape *s, random_state *r, numbers *n) {
  double logit = log(1e-9) + (log(1e-5) - log(1e-9)) * (0.5 + 0.5 * (double)random_unit(r));
  fill_peaked(s, r, n, logit, logit);
  for (int64_t i = 0; i < n->keys * s->value_dim; i++) n->v[i] = n->v[i] > 0 ? 0.3f : n->v[i];
}

// Nothing of the others reaches the last place of a sum.
static void fill_peaked_far(const shape *s, random_state *r, numbers *n) {
  fill_peaked(s, r, n, log(1e-14), log(1e-9));
}

// Few keys count, each in a tile of its own, and all of them raise the highest score alike, by what makes them all
// count.
static void fill_rising(const shape *s, random_state *r, numbers *n) {
  set(n->q, n->queries * s->dim, 1);
  set_random(n->v, n->keys * s->value_dim, r, 0.5f, 1);
  double step = 0.02 + 0.1 * (0.5 + 0.5 * (double)random_unit(r));
  for (int64_t j = 0; j < n->keys; j++) {
    int64_t at = j % s->kv_len;
    double logit = at % 64 == 7 ? step * (double)(at / 64) : -40;
    set(n->k + j * s->dim, s->dim, (float)(logit / sqrt((double)s->dim)));
    // Of every second head only the first such key has values, which are scaled with each that follows.
    if (j / s->kv_len % 2 == 1 && at != 7) set(n->v + j * s->value_dim, s->value_dim, 0);
  }
}

static void fill_uniform(const shape *s, random_state *r, numbers *n) {
  set_random(n->q, n->queries * s->dim, r, -1, 1);
  set_random(n->k, n->keys * s->dim, r, -1, 1);
  set_random(n->v, n->keys * s->value_dim, r, -1, 1);
}

static const struct {
  const char *name;
  fill *fill;
} kinds[] = {{"near ties", fill_near_ties},
             {"constant", fill_constant},
             {"alternating", fill_alternating},
             {"halves", fill_halves},
             {"almost constant", fill_almost_constant},
             {"positive", fill_positive},
             {"signed halves", fill_signed_halves},
             {"far from zero", fill_far_from_zero},
             {"peaked, random", fill_peaked_random},
             {"peaked, alike", fill_peaked_alike},
             {"uniform", fill_uniform},
             {"peaked, far", fill_peaked_far},
             {"rising", fill_rising}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void check_kinds(void) {
  static const shape shapes[] = {
      // Two keys, over and over.
      {200, 1, 1, 1, 2, 64, 64, 0, RAPT_F32, RAPT_F32},
      {200, 1, 1, 1, 2, 64, 64, 0, RAPT_BF16, RAPT_F32},
      {20, 2, 1, 20, 2, 64, 16, 0, RAPT_F32, RAPT_F16},
      // Few queries and many, groups of heads, causal.
      {1, 2, 1, 1, 601, 64, 24, 0, RAPT_F32, RAPT_F32},
      {1, 2, 2, 1, 601, 64, 24, 0, RAPT_BF16, RAPT_F16},
      {1, 2, 1, 140, 600, 16, 5, 1, RAPT_F32, RAPT_F32},
      {1, 2, 2, 140, 200, 16, 5, 1, RAPT_BF16, RAPT_BF16},
      {1, 4, 2, 1, 4097, 16, 5, 0, RAPT_F32, RAPT_F32},
      {1, 2, 2, 20, 4096, 16, 2, 1, RAPT_F32, RAPT_BF16},
      // Long products.
      {1, 2, 1, 1, 150, 256, 8, 0, RAPT_F32, RAPT_F32},
      {1, 2, 2, 20, 150, 256, 8, 0, RAPT_F32, RAPT_F32},
      {1, 2, 1, 1, 150, 1024, 8, 0, RAPT_F32, RAPT_F32},
      {1, 2, 2, 20, 60, 1024, 8, 0, RAPT_F32, RAPT_F32},
      {1, 2, 2, 20, 60, 1024, 8, 0, RAPT_BF16, RAPT_F32},
  };
  enum { SHAPES = sizeof shapes / sizeof shapes[0] };
  for (int k = 0; k < KINDS; k++) {
    for (int i = 0; i < SHAPES; i++) {
      check_set_case("bound_test: %s, shape %d", kinds[k].name, i);
      check_problem(&shapes[i], kinds[k].fill, (uint64_t)(k * SHAPES + i));
    }
  }
}

static void expect_beyond(const char *what, const reference_number *expected, const reference_number *got,
                          int64_t count) {
  double most = 0;
  for (int64_t i = 0; i < count; i++) most = fmax(most, fabs(got[i].value - expected[i].value) / expected[i].error);
  CHECK(most > 1, "%s: still within %.3g of the bound", what, most);
}

// One row once more, with exponentials that are off by up to `off`.
static void attend_roughly(const shape *s, const numbers *n, double off, reference_attended *row) {
  random_state r = {5};
  double total = 0;
  for (int64_t d = 0; d < s->value_dim; d++) row->output[d].value = 0;
  for (int64_t j = 0; j < s->kv_len; j++) {
    row->weights[j].value *= 1 + off * (double)random_unit(&r);
    total += row->weights[j].value;
  }
  for (int64_t j = 0; j < s->kv_len; j++) {
    row->weights[j].value /= total;
    for (int64_t d = 0; d < s->value_dim; d++) {
      row->output[d].value += row->weights[j].value * (double)n->v[j * s->value_dim + d];
    }
  }
}

// What must not pass in ordinary cases.
static void check_coarse(uint64_t seed) {
  const shape s = {1, 1, 1, 1, 200, 64, 64, 0, RAPT_F32, RAPT_F32};
  check_set_case("bound_test: coarse, seed %d", (int)seed);
  random_state r = {seed};
  numbers n = numbers_of(&s);
  fill_uniform(&s, &r, &n);
  rapt_sdpa call = describe(&s, &n), shorter = call;
  shorter.kv_len--;
  reference_attended all = expect(&call), without = expect(&shorter);
  expect_beyond("one key of 200 left out", all.output, without.output, s.value_dim);
  expect_beyond("one key of 200 left out, LSE", all.lse, without.lse, 1);
  release_expected(&all), release_expected(&without);

  shape hundred = s;
  hundred.kv_len = 100;
  call = describe(&hundred, &n);
  reference_attended exact = expect(&call), rough = expect(&call), rougher = expect(&call);
  attend_roughly(&hundred, &n, 0x1p-18, &rough);
  expect_beyond("weights of exponentials of 18 bits", exact.weights, rough.weights, hundred.kv_len);
  attend_roughly(&hundred, &n, 0x1p-17, &rougher);
  expect_beyond("output of exponentials of 17 bits", exact.output, rougher.output, s.value_dim);
  release_expected(&rough), release_expected(&rougher);
  release(narrow(n.q, s.dim)), release(narrow(n.k, hundred.kv_len * s.dim));
  rough = expect(&call);
  expect_beyond("query and keys as bf16", exact.output, rough.output, s.value_dim);
  expect_beyond("query and keys as bf16, weights", exact.weights, rough.weights, hundred.kv_len);
  release_expected(&rough), release_expected(&exact);
  release_numbers(&n);
}

int main(int argc, char **argv) {
  check_start();
  on_cuda = argc > 1 && !strcmp(argv[1], "--cuda");
  if (on_cuda) {
    rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA};
    rapt_error error = {.struct_size = sizeof error};
    if (rapt_context_create(&options, &contexts[0], &error) != RAPT_OK) {
      check_abort("no CUDA context: %s", error.message);
    }
    context_names[context_count++] = "cuda";
  } else {
    const tier *tiers = test_tiers(1, &context_count);
    for (int i = 0; i < context_count; i++) {
      contexts[i] = tiers[i].context[i % THREAD_COUNTS];
      context_names[i] = rapt_isa_name(tiers[i].isa);
    }
  }
  check_kinds();
  for (uint64_t seed = 0; seed < 40 && !on_cuda; seed++) check_coarse(seed);
  check_set_case("%s", "");
  if (on_cuda) rapt_context_destroy(contexts[0]);
  return check_finish("bound_test");
}
