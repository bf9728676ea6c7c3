// SPDX-License-Identifier: Apache-2.0
// Many callers on one context, contexts of many sizes, contexts that come and go under load: always the bits of one
// caller with one thread.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/random.h"

enum { CALLERS = 8, PROBLEMS = 11, MAX_ELEMENTS = 1 << 20, ROUNDS = TEST_REDUCED ? 6 : 30 };

// batch, query heads, kv heads, queries, keys, head dim, flags: prefill, decode with a split, tiny and empty. The last
// is one sequence 64 times over, by strides of 0: large enough that tasks ask for the memory of the next ones.
static const struct {
  int64_t b, h, hk, q, k, d;
  int32_t flags;
} shapes[PROBLEMS] = {
    {1, 4, 4, 130, 130, 32, 0},
    {2, 4, 2, 97, 97, 24, RAPT_CAUSAL},
    {1, 8, 2, 1, 1500, 64, 0},
    {3, 6, 3, 4, 700, 40, 0},
    {1, 1, 1, 1, 1, 1, 0},
    {1, 2, 1, 300, 40, 16, RAPT_CAUSAL},
    {1, 16, 1, 2, 2049, 32, 0},
    {2, 2, 2, 33, 257, 80, RAPT_CAUSAL},
    {0, 2, 2, 33, 257, 80, 0},
    {1, 3, 3, 64, 64, 128, 0},
    {64, 8, 4, 64, 64, 48, RAPT_CAUSAL},
};
enum { REPEATED = PROBLEMS - 1 };

static float *inputs;
static rapt_linear_parameters projection;

// One problem with its own output memory.
typedef struct job {
  rapt_sdpa attention;
  float *output;
  size_t bytes;
} job;

static job job_of(int n) {
  const int64_t h = shapes[n].h, hk = shapes[n].hk, q = shapes[n].q, k = shapes[n].k, d = shapes[n].d;
  job j = {.bytes = (size_t)(shapes[n].b * h * q * d) * sizeof(float)};
  j.output = malloc(j.bytes + 1);
  if (j.output == NULL) check_abort("the test cannot allocate %zu bytes", j.bytes);
  rapt_tensor query = {.data = inputs + 64 * n, .stride = {h * q * d, q * d, d, 1}, .dtype = RAPT_F32};
  rapt_tensor key = {.data = inputs + 1000 + n, .stride = {hk * k * d, k * d, d, 1}, .dtype = RAPT_F32};
  j.attention = (rapt_sdpa){.head = {.struct_size = sizeof j.attention},
                            .query = query,
                            .key = key,
                            .value = key,
                            .output = query,
                            .batch = shapes[n].b,
                            .query_heads = h,
                            .kv_heads = hk,
                            .query_len = q,
                            .kv_len = k,
                            .head_dim = d,
                            .value_dim = d,
                            .options = {.position = k - q, .flags = shapes[n].flags}};
  if (n == REPEATED) j.attention.query.stride[0] = j.attention.key.stride[0] = j.attention.value.stride[0] = 0;
  j.attention.output.data = j.output;
  return j;
}

static void run(rapt_context *context, job *j) {
  rapt_error error = {.struct_size = sizeof error};
  memset(j->output, 0xFF, j->bytes);
  rapt_status status = rapt_sdpa_run(context, &j->attention, &error);
  CHECK(status == RAPT_OK, "run: %s", error.message);
}

// What one caller with one thread computes, per problem.
static job expected[PROBLEMS];

static void check_job(const char *what, int n, const job *j) {
  CHECK(!memcmp(j->output, expected[n].output, j->bytes), "%s: other bits in problem %d", what, n);
}

// Each of the equal sequences has the bits it has alone.
static void check_repeated(rapt_context *context) {
  job one = job_of(REPEATED);
  one.attention.batch = 1;
  run(context, &one);
  const size_t size = one.bytes / (size_t)shapes[REPEATED].b;
  for (int64_t b = 0; b < shapes[REPEATED].b; b++) {
    CHECK(!memcmp((char *)expected[REPEATED].output + (size_t)b * size, one.output, size),
          "sequence %d of a batch has other bits than alone", (int)b);
  }
  free(one.output);
}

typedef struct caller {
  rapt_context *shared;
  int32_t isa;
  int index;
  pthread_t thread;
} caller;

static void *call_shared(void *argument) {
  const caller *c = argument;
  job jobs[PROBLEMS];
  for (int n = 0; n < PROBLEMS; n++) jobs[n] = job_of(n);
  random_state r = {(uint64_t)c->index};
  for (int round = 0; round < ROUNDS; round++) {
    int n = (int)random_between(&r, 0, PROBLEMS - 1);
    run(c->shared, &jobs[n]);
    check_job("8 callers on one context", n, &jobs[n]);
  }
  for (int n = 0; n < PROBLEMS; n++) free(jobs[n].output);
  return NULL;
}

static void *come_and_go(void *argument) {
  const caller *c = argument;
  for (int round = 0; round < ROUNDS / 2; round++) {
    rapt_context *own = context_of(c->isa, 1 + (c->index + round) % 4);
    int n = (c->index + round) % PROBLEMS;
    job j = job_of(n);
    run(own, &j);
    check_job("a context that comes and goes", n, &j);
    free(j.output);
    rapt_context_destroy(own);
  }
  return NULL;
}

// Half the callers share a context, the other half open and close their own.
static void test_callers(int32_t isa, int32_t threads) {
  rapt_context *shared = context_of(isa, threads);
  caller callers[CALLERS];
  int started = 0;
  for (; started < CALLERS; started++) {
    callers[started] = (caller){.shared = shared, .isa = isa, .index = started};
    void *(*body)(void *) = threads == 3 && started % 2 ? come_and_go : call_shared;
    if (pthread_create(&callers[started].thread, NULL, body, &callers[started])) {
      check_abort("the test cannot start thread %d", started);
    }
  }
  for (int i = 0; i < started; i++) pthread_join(callers[i].thread, NULL);
  rapt_context_destroy(shared);
}

static void test_thread_counts(int32_t isa) {
  static const int32_t counts[] = {1, 2, 3, 8, 17};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    rapt_context *context = context_of(isa, counts[i]);
    for (int repeat = 0; repeat < 3; repeat++) {
      for (int n = 0; n < PROBLEMS; n++) {
        job j = job_of(n);
        check_set_case("%s, %d threads, problem %d", rapt_isa_name(isa), counts[i], n);
        run(context, &j);
        check_job("thread count", n, &j);
        free(j.output);
      }
    }
    rapt_context_destroy(context);
  }
  check_set_case("%s", "");
}

// Packed projections shared by callers and contexts of one tier, alone and in multi-head attention.
typedef struct projection_caller {
  rapt_context *context;
  rapt_linear linear;
  rapt_mha mha;
  // What one caller on one thread got; NULL while that is being found out.
  const float *expected[2];
  float *got[2];
  pthread_t thread;
} projection_caller;

enum { ROWS = 50, WIDTH = 96, PROJECTION_HEADS = 6 };
static const size_t projected_bytes = ROWS * WIDTH * sizeof(float);

static void *project(void *argument) {
  projection_caller *c = argument;
  c->linear.output.data = c->got[0];
  c->mha.output.data = c->got[1];
  for (int round = 0; round < (c->expected[0] != NULL ? ROUNDS : 1); round++) {
    rapt_error error = {.struct_size = sizeof error};
    memset(c->got[0], 0xFF, projected_bytes);
    memset(c->got[1], 0xFF, projected_bytes);
    CHECK(rapt_linear_run(c->context, &c->linear, &error) == RAPT_OK, "linear: %s", error.message);
    CHECK(rapt_mha_run(c->context, &c->mha, &error) == RAPT_OK, "mha: %s", error.message);
    for (int n = 0; n < 2 && c->expected[n] != NULL; n++) {
      CHECK(!memcmp(c->got[n], c->expected[n], projected_bytes), "8 callers on one %s: other bits",
            n ? "layer" : "projection");
    }
  }
  return NULL;
}

static projection_caller caller_of(rapt_context *context, const rapt_linear_weights *linear) {
  rapt_tensor rows = {.data = inputs, .stride = {ROWS * WIDTH, WIDTH, 1, 0}, .dtype = RAPT_F32};
  projection_caller c = {.context = context};
  c.linear = (rapt_linear){.head = {.struct_size = sizeof c.linear},
                           .weights = linear,
                           .input = rows,
                           .output = rows,
                           .batch = 1,
                           .rows = ROWS};
  c.mha = (rapt_mha){.head = {.struct_size = sizeof c.mha},
                     .query_projection = linear,
                     .key_projection = linear,
                     .value_projection = linear,
                     .output_projection = linear,
                     .query = rows,
                     .key = rows,
                     .value = rows,
                     .output = rows,
                     .batch = 1,
                     .query_heads = PROJECTION_HEADS,
                     .kv_heads = PROJECTION_HEADS,
                     .query_len = ROWS,
                     .kv_len = ROWS};
  for (int n = 0; n < 2; n++) {
    c.got[n] = malloc(projected_bytes);
    if (c.got[n] == NULL) check_abort("the test cannot allocate %zu bytes", projected_bytes);
  }
  return c;
}

static void test_projections(int32_t isa) {
  rapt_context *one = context_of(isa, 1), *three = context_of(isa, 3);
  rapt_error error = {.struct_size = sizeof error};
  rapt_linear_weights *linear = NULL;
  CHECK(rapt_linear_create(one, &projection, &linear, &error) == RAPT_OK, "projection: %s", error.message);
  projection_caller alone = caller_of(one, linear);
  project(&alone);
  projection_caller callers[CALLERS];
  for (int i = 0; i < CALLERS; i++) {
    callers[i] = caller_of(i % 2 ? three : one, linear);
    callers[i].expected[0] = alone.got[0];
    callers[i].expected[1] = alone.got[1];
    if (pthread_create(&callers[i].thread, NULL, project, &callers[i])) {
      check_abort("the test cannot start thread %d", i);
    }
  }
  for (int i = 0; i < CALLERS; i++) {
    pthread_join(callers[i].thread, NULL);
    free(callers[i].got[0]);
    free(callers[i].got[1]);
  }
  free(alone.got[0]);
  free(alone.got[1]);
  rapt_linear_destroy(linear);
  rapt_context_destroy(one);
  rapt_context_destroy(three);
}

int main(void) {
  check_start();
  inputs = malloc(MAX_ELEMENTS * sizeof *inputs);
  if (inputs == NULL) check_abort("the test cannot allocate its inputs");
  random_state r = {99};
  for (int i = 0; i < MAX_ELEMENTS; i++) inputs[i] = random_unit(&r);
  projection =
      (rapt_linear_parameters){.struct_size = sizeof projection,
                               .weight = {.data = inputs + 5000, .stride = {WIDTH, 1, 0, 0}, .dtype = RAPT_F32},
                               .in_features = WIDTH,
                               .out_features = WIDTH};
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  for (int t = 0; t < count; t++) {
    rapt_context *alone = context_of(tiers[t], 1);
    for (int n = 0; n < PROBLEMS; n++) {
      expected[n] = job_of(n);
      run(alone, &expected[n]);
    }
    check_repeated(alone);
    rapt_context_destroy(alone);
    test_thread_counts(tiers[t]);
    test_callers(tiers[t], 1);
    test_callers(tiers[t], 2);
    test_callers(tiers[t], 3);
    test_projections(tiers[t]);
    for (int n = 0; n < PROBLEMS; n++) free(expected[n].output);
  }
  free(inputs);
  return check_finish("threads_test");
}
