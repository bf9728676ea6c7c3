// SPDX-License-Identifier: Apache-2.0
// Sums over 2^24 keys: the error of an output and of an LSE must not grow with the number of keys, however they are
// read: by many queries or by few, split or not. D = Dv = 1 keeps it quick.
#include <math.h>
#include <rapt/rapt.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/random.h"

#define KEYS (TEST_REDUCED ? INT64_C(1) << 20 : INT64_C(1) << 24)

// One row of the answer, in double.
typedef struct answer {
  double output;
  double lse;
} answer;

// What a row has seen so far; kept in double, whose error is far below any of f32.
static answer attend(float query, const float *keys, const float *values, float bias, int64_t count) {
  double sum = 0, weighted = 0;
  for (int64_t j = 0; j < count; j++) {
    double p = exp((double)query * keys[j]);
    sum += p;
    weighted += p * values[j];
  }
  return (answer){weighted / sum, log(sum) + bias};
}

enum { QUERIES = 140, KINDS = 2 };

typedef struct problem {
  float *keys;
  float *values;
  // Added to every score where it is not 0: scores with a bias take other ways.
  float bias;
  // Rows take turns between few queries, so that few answers are needed.
  float queries[QUERIES];
  answer expected[KINDS];
} problem;

// A constant times half a unit of f32, which no number of keys appears in: 4096 values are summed in f32 at most.
static const double BOUND = 8 * 0x1p-24;

static void check_rows(const tier *on, const problem *p, int64_t rows, int64_t count, const char *what) {
  float output[QUERIES], lse[QUERIES];
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = {.data = (void *)p->queries, .stride = {0, 0, 1, 1}, .dtype = RAPT_F32},
                    .key = {.data = p->keys, .stride = {0, 0, 1, 1}, .dtype = RAPT_F32},
                    .value = {.data = p->values, .stride = {0, 0, 1, 1}, .dtype = RAPT_F32},
                    .output = {.data = output, .stride = {0, 0, 1, 1}, .dtype = RAPT_F32},
                    .lse = {.data = lse, .stride = {0, 0, 1}, .dtype = RAPT_F32},
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = rows,
                    .kv_len = count,
                    .head_dim = 1,
                    .value_dim = 1};
  if (p->bias != 0) call.bias = (rapt_tensor){.data = (void *)&p->bias, .dtype = RAPT_F32};
  rapt_error error = {.struct_size = sizeof error};
  check_set_case("%s, %lld queries, %s", what, (long long)rows, rapt_isa_name(on->isa));
  CHECK(rapt_sdpa_run(on->context[1], &call, &error) == RAPT_OK, "run: %s", error.message);
  for (int64_t r = 0; r < rows; r++) {
    const answer *e = &p->expected[r % KINDS];
    CHECK(fabs(output[r] - e->output) <= BOUND * e->output, "output %lld is %.9g; expected %.9g, off by %.1f units",
          (long long)r, (double)output[r], e->output, fabs(output[r] - e->output) / e->output * 0x1p24);
    CHECK(fabs(lse[r] - e->lse) <= BOUND * fmax(1, e->lse), "lse %lld is %.9g; expected %.9g", (long long)r,
          (double)lse[r], e->lse);
  }
}

// From key to key. In 4096 keys the scores of queries of 0.5 rise by 3664 units of 2^-24, whose exponential lies
// between two floats.
static const float RISE = 3664 * 0x1p-23f / 4096;

// Fills in the answers for the first `count` keys and checks many queries (prefill), few of them (prefill, its keys
// split) and one (decode). An eighth of the keys does for the portable tier with many queries, which takes its time.
static void check_paths(problem *p, int64_t count, const char *what) {
  static const int64_t rows[] = {QUERIES, 20, 1};
  int tiers;
  const tier *on = test_tiers(0, &tiers);
  for (int k = 0; k < KINDS; k++) p->expected[k] = attend(p->queries[k], p->keys, p->values, p->bias, count);
  for (int t = 0; t < tiers; t++) {
    int slow = on[t].isa == RAPT_ISA_PORTABLE;
    for (int n = 0; n < 3; n++) {
      if ((slow && n == 0) == (count < KEYS)) check_rows(&on[t], p, rows[n], count, what);
    }
  }
}

int main(void) {
  check_start();
  problem p = {.keys = malloc((size_t)KEYS * sizeof(float)), .values = malloc((size_t)KEYS * sizeof(float))};
  if (p.keys == NULL || p.values == NULL) check_abort("the test cannot allocate %lld keys", (long long)KEYS);
  for (int r = 0; r < QUERIES; r++) p.queries[r] = r % KINDS ? 0.5f : -1;
  for (int64_t j = 0; j < KEYS; j++) p.keys[j] = 0.5f, p.values[j] = 3;
  check_paths(&p, KEYS, "equal keys");
  check_paths(&p, KEYS / 8, "equal keys");
  random_state r = {1};
  for (int64_t j = 0; j < KEYS; j++) {
    p.keys[j] = random_unit(&r);
    p.values[j] = 1.5f + 0.5f * random_unit(&r);
  }
  check_paths(&p, KEYS, "random keys");
  check_paths(&p, KEYS / 8, "random keys");
  // The maximum moves in every stretch, by as much each time: a factor that is off is off by as much each time. With a
  // bias it does not move ahead of the scores.
  for (int64_t j = 0; j < KEYS; j++) p.keys[j] = (float)j * RISE, p.values[j] = 1;
  p.bias = 1;
  check_paths(&p, KEYS, "rising keys");
  free(p.keys);
  free(p.values);
  return check_finish("long_test");
}
