// SPDX-License-Identifier: Apache-2.0
// exp and tanh inside the kernels, point by point through the weights output: with one query of 1 and head dim 1 the
// keys are the scores. The first score is the maximum, 0, so that a weight divided by the first weight is exp of its
// score, whatever the sum; a softcapped score is c * tanh(score / c).
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/contexts.h"

enum { POINTS = 20000 };

static float keys[POINTS], weights[POINTS];

static void run(rapt_context *context, float softcap, int32_t stage) {
  static float query = 1, output;
  rapt_tensor column = {.data = keys, .stride = {POINTS, POINTS, 1, 1}, .dtype = RAPT_F32};
  rapt_tensor row = {.data = weights, .stride = {POINTS, POINTS, POINTS, 1}, .dtype = RAPT_F32};
  rapt_tensor one = {.data = &query, .stride = {1, 1, 1, 1}, .dtype = RAPT_F32};
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = one,
                    .key = column,
                    .value = column,
                    .output = one,
                    .weights = row,
                    .batch = 1,
                    .query_heads = 1,
                    .kv_heads = 1,
                    .query_len = 1,
                    .kv_len = POINTS,
                    .head_dim = 1,
                    .value_dim = 1,
                    .options = {.softcap = softcap, .weights_stage = stage}};
  rapt_error error = {.struct_size = sizeof error};
  call.output.data = &output;
  CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "run: %s", error.message);
}

// Scores from 0 down to `lowest`. The bound in halves of an ulp: 4 for the function, 2 for the two weights of the
// quotient, and for a score x its product with log2(e), which costs |x| for its rounding and |x| / 4 for that of
// log2(e) itself.
static void test_exp(const char *tier_name, rapt_context *context, float lowest) {
  for (int i = 0; i < POINTS; i++) keys[i] = lowest * ((float)i / (float)(POINTS - 1));
  check_set_case("functions_test: exp on %s, scores 0 to %g", tier_name, (double)lowest);
  run(context, 0, RAPT_WEIGHTS_SOFTMAX);
  for (int i = 0; i < POINTS; i++) {
    double exact = exp((double)keys[i]), got = (double)weights[i] / (double)weights[0];
    double bound = exact * (6 + 1.25 * fabs((double)keys[i])) * 0.5 * (double)FLT_EPSILON;
    // Below the normal numbers a kernel may flush to zero.
    bound += exact * (double)weights[0] < 2 * (double)FLT_MIN ? (double)FLT_MIN / (double)weights[0] : 0;
    CHECK(fabs(got - exact) <= bound, "exp(%.9g): expected %.9g, got %.9g, off by %.2g half ulps", (double)keys[i],
          exact, got, fabs(got - exact) / (exact * 0.5 * (double)FLT_EPSILON));
  }
}

// Scores from -widest to widest, each within 4 ulp: tanh, the division before it and the product after it.
static void test_tanh(const char *tier_name, rapt_context *context, float cap, float widest) {
  for (int i = 0; i < POINTS; i++) keys[i] = widest * (2 * (float)i / (float)(POINTS - 1) - 1);
  check_set_case("functions_test: tanh on %s, cap %g, scores to %g", tier_name, (double)cap, (double)widest);
  run(context, cap, RAPT_WEIGHTS_SOFTCAP);
  for (int i = 0; i < POINTS; i++) {
    double exact = (double)cap * tanh((double)keys[i] / (double)cap);
    double bound = fabs(exact) * 4 * (double)FLT_EPSILON + (double)FLT_MIN;
    CHECK(fabs((double)weights[i] - exact) <= bound, "softcap(%.9g): expected %.9g, got %.9g, off by %.2g half ulps",
          (double)keys[i], exact, (double)weights[i],
          fabs((double)weights[i] - exact) / (fabs(exact) * 0.5 * (double)FLT_EPSILON));
  }
}

int main(void) {
  check_start();
  int count;
  const tier *tiers = test_tiers(1, &count);
  for (int t = 0; t < count; t++) {
    const char *name = rapt_isa_name(tiers[t].isa);
    static const float lowest[] = {-1e-3f, -0.7f, -3, -20, -100, -1000};
    for (size_t i = 0; i < sizeof lowest / sizeof lowest[0]; i++) test_exp(name, tiers[t].context[0], lowest[i]);
    static const float caps[][2] = {{1, 0.01f}, {1, 0.7f}, {1, 2}, {1, 12}, {50, 400}, {30, 5}, {1e-3f, 1}};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
      test_tanh(name, tiers[t].context[0], caps[i][0], caps[i][1]);
    }
  }
  return check_finish("functions_test");
}
