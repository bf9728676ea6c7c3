/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode on int8 keys and values where numbers in fixed point lose what floats keep: weights, scales and queries of
 * very different magnitude, sums as large as they get, and what is masked or not finite beside them. Every tier,
 * against the double reference on what the bytes stand for, within the bound of all tests.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/random.h"
#include "support/reference.h"

/* One batch and one kv head; bytes and scales are what a case fills, [key][element] and [key]. */
typedef struct problem {
  int64_t rows, keys, depth;
  float *query, *key_scale, *value_scale, *output, *lse, *bias;
  signed char *key, *value;
  /* Whether bias is part of the call: a row for all rows. */
  int biased;
  float scale;
  random_state random;
} problem;

static void *take(int64_t count, size_t size) {
  void *memory = calloc((size_t)count, size);
  if (memory == NULL) check_abort("the test cannot allocate its operands");
  return memory;
}

/* Usual numbers: scores of a few units, values up to 1. */
static problem usual(int64_t rows, int64_t keys, int64_t depth) {
  problem p = {.rows = rows, .keys = keys, .depth = depth, .random = {(uint64_t)(rows * 1000 + keys * 7 + depth)}};
  p.query = take(rows * depth, sizeof(float));
  p.key = take(keys * depth, 1);
  p.value = take(keys * depth, 1);
  p.key_scale = take(keys, sizeof(float));
  p.value_scale = take(keys, sizeof(float));
  p.output = take(rows * depth, sizeof(float));
  p.lse = take(rows, sizeof(float));
  p.bias = take(keys, sizeof(float));
  p.scale = 1;
  for (int64_t i = 0; i < rows * depth; i++) p.query[i] = 3 * random_unit(&p.random) / sqrtf((float)depth);
  for (int64_t i = 0; i < keys * depth; i++) {
    p.key[i] = (signed char)(int)(127 * random_unit(&p.random));
    p.value[i] = (signed char)(int)(127 * random_unit(&p.random));
  }
  for (int64_t k = 0; k < keys; k++) p.key_scale[k] = p.value_scale[k] = 1 / 128.0f;
  return p;
}

static void release(problem *p) {
  free(p->query), free(p->key), free(p->value), free(p->key_scale), free(p->value_scale);
  free(p->output), free(p->lse), free(p->bias);
}

static rapt_tensor tensor(void *data, int32_t dtype, int64_t rows, int64_t depth) {
  return (rapt_tensor){.data = data, .stride = {rows * depth, rows * depth, depth, 1}, .dtype = dtype};
}

static rapt_attention describe(const problem *p) {
  rapt_attention call = {.struct_size = sizeof call,
                         .batch = 1,
                         .query_heads = p->rows,
                         .kv_heads = 1,
                         .query_len = 1,
                         .kv_len = p->keys,
                         .head_dim = p->depth,
                         .value_dim = p->depth,
                         .options = {.flags = RAPT_SCALE, .scale = p->scale}};
  call.query = tensor(p->query, RAPT_F32, 1, p->depth);
  call.output = tensor(p->output, RAPT_F32, 1, p->depth);
  call.lse = (rapt_tensor){.data = p->lse, .stride = {p->rows, 1, 1, 1}, .dtype = RAPT_F32};
  if (p->biased) call.bias = (rapt_tensor){.data = p->bias, .stride = {0, 0, 0, 1}, .dtype = RAPT_F32};
  return call;
}

static void widen(const signed char *bytes, const float *scale, int64_t rows, int64_t depth, float *to) {
  for (int64_t i = 0; i < rows * depth; i++) to[i] = (float)bytes[i] * scale[i / depth];
}

static void check(const char *name, problem *p) {
  float *key = take(p->keys * p->depth, sizeof(float)), *value = take(p->keys * p->depth, sizeof(float));
  widen(p->key, p->key_scale, p->keys, p->depth, key);
  widen(p->value, p->value_scale, p->keys, p->depth, value);
  rapt_attention call = describe(p);
  call.key = tensor(key, RAPT_F32, p->keys, p->depth);
  call.value = tensor(value, RAPT_F32, p->keys, p->depth);
  reference_result output = reference_result_make(p->rows * p->depth), lse = reference_result_make(p->rows);
  for (int mode = 0; mode < REFERENCE_MODES; mode++) {
    reference_attention(&call, mode, output.in[mode], lse.in[mode], NULL);
  }
  double largest = 0;
  for (int64_t i = 0; i < p->keys * p->depth; i++) {
    int seen = !p->biased || p->bias[i / p->depth] != -INFINITY;
    if (seen && isfinite(value[i])) largest = fmax(largest, fabs((double)value[i]));
  }
  call.key = tensor(p->key, RAPT_I8, p->keys, p->depth);
  call.value = tensor(p->value, RAPT_I8, p->keys, p->depth);
  call.key_scale = tensor(p->key_scale, RAPT_F32, p->keys, 1);
  call.value_scale = tensor(p->value_scale, RAPT_F32, p->keys, 1);
  int count;
  const tier *tiers = test_tiers(1, &count);
  float *first = take(p->rows * p->depth, sizeof(float));
  for (int t = 0; t < count; t++) {
    for (int n = 0; n < THREAD_COUNTS; n++) {
      char where[64];
      snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(tiers[t].isa), (int)thread_counts[n]);
      check_set_case("fixed_point_test: %s, %lld rows, %lld keys, depth %lld", name, (long long)p->rows,
                     (long long)p->keys, (long long)p->depth);
      rapt_error error = {.struct_size = sizeof error};
      CHECK(rapt_attention_run(tiers[t].context[n], &call, &error) == RAPT_OK, "%s: %s", where, error.message);
      int64_t size[4] = {1, p->rows, 1, p->depth}, lse_size[4] = {1, p->rows, 1, 1};
      compare_result(where, "output", &call.output, size, output.in[REFERENCE_EXACT],
                     reference_bound(&output, largest));
      compare_result(where, "lse", &call.lse, lse_size, lse.in[REFERENCE_EXACT], reference_bound(&lse, 1));
      size_t bytes = (size_t)(p->rows * p->depth) * sizeof(float);
      CHECK(n == 0 || !memcmp(first, p->output, bytes), "%s: other bits than with one thread", where);
      memcpy(first, p->output, bytes);
    }
  }
  reference_result_free(&output);
  reference_result_free(&lse);
  free(key), free(value), free(first);
  release(p);
}

/* Every number of rows, rows of all lengths, and tiles that end anywhere. */
static void test_shapes(void) {
  static const int64_t depths[] = {1, 7, 16, 33, 64, 65, 80, 96, 128, 136, 200, 256, 1024};
  static const int64_t keys[] = {1, 3, 4, 5, 8, 9, 63, 64, 65, 130, 515};
  for (int d = 0; d < (int)(sizeof depths / sizeof depths[0]); d++) {
    for (int k = 0; k < (int)(sizeof keys / sizeof keys[0]); k++) {
      problem p = usual(1 + (d * 11 + k * 5) % 16, keys[k], depths[d]);
      check("usual numbers", &p);
    }
  }
}

/* Scores are biases alone. */
static problem weighted(int64_t rows, int64_t keys, int64_t depth) {
  problem p = usual(rows, keys, depth);
  memset(p.query, 0, (size_t)(rows * depth) * sizeof(float));
  p.biased = 1;
  return p;
}

/* One key takes nearly all of the weight and has no value; each of the others has a weight that is nothing beside it.
 */
static void test_dominated(void) {
  static const float below[] = {4, 9, 14, 16, 16.9f, 17.1f, 18, 24, 60};
  for (int i = 0; i < (int)(sizeof below / sizeof below[0]); i++) {
    for (int64_t keys = 500; keys < 5000; keys += 3900) {
      problem p = weighted(4, keys, 128);
      for (int64_t k = 0; k < keys; k++) p.bias[k] = k == 77 ? 0 : -below[i];
      /* Most elements alike: what rounding takes from one it takes from all. */
      for (int64_t e = 0; e < keys * 128; e++) p.value[e] = e % 128 < 100 ? 127 : p.value[e];
      memset(p.value + 77 * 128, 0, 128);
      check("one key dominates", &p);
    }
  }
}

/* A key whose scale is far above the others' and whose bytes are nothing, or nearly. */
static void test_scales(void) {
  for (int exponent = 4; exponent <= 40; exponent += 6) {
    for (int byte = 0; byte < 2; byte++) {
      problem p = usual(5, 700, 96);
      for (int64_t k = 3; k < 700; k += 200) {
        p.value_scale[k] = ldexpf(1, exponent - 7);
        memset(p.value + k * 96, 0, 96);
        p.value[k * 96 + 5] = (signed char)byte;
      }
      check("value scales apart", &p);
      p = usual(5, 700, 96);
      for (int64_t k = 3; k < 700; k += 200) {
        p.key_scale[k] = ldexpf(1, exponent - 7);
        memset(p.key + k * 96, 0, 96);
        p.key[k * 96 + 5] = (signed char)byte;
      }
      check("key scales apart", &p);
      p = usual(4, 600, 64);
      for (int64_t k = 0; k < 600; k++) p.value_scale[k] = ldexpf(1, -(int)(k % 60));
      check("value scales of all sizes", &p);
    }
  }
}

/* Masked keys with scales that would drown everything, or are not finite. */
static void test_masked(void) {
  static const float scales[] = {1e30f, -1e30f, NAN, INFINITY, 0, -0.0f};
  for (int i = 0; i < 6; i++) {
    problem p = usual(4, 600, 128);
    p.biased = 1;
    for (int64_t k = 0; k < 600; k++) {
      if (k % 9 != 2 && k >= 70) continue;
      p.bias[k] = -INFINITY;
      p.key_scale[k] = p.value_scale[k] = scales[i];
    }
    check("masked scales", &p);
  }
}

/* Scales with a sign, zeros with one, and visible ones that are not finite. */
static void test_signs(void) {
  static const float scales[] = {-1 / 128.0f, 0, -0.0f, NAN, INFINITY, -INFINITY, 1e30f};
  for (int i = 0; i < 7; i++) {
    for (int64_t step = 1; step < 600; step += 250) {
      problem p = usual(4, 600, 128);
      for (int64_t k = 5; k < 600; k += step) p.value_scale[k] = scales[i];
      check("value scales with signs", &p);
      if (isinf(scales[i])) continue;
      p = usual(4, 600, 128);
      for (int64_t k = 5; k < 600; k += step) p.key_scale[k] = i == 6 ? 1e20f : scales[i];
      check("key scales with signs", &p);
    }
  }
}

/* Queries with elements of very different magnitude, the large ones on bytes of 0. */
static void test_queries(void) {
  for (int exponent = 4; exponent <= 28; exponent += 4) {
    problem p = usual(4, 300, 128);
    for (int64_t r = 0; r < 4; r++) p.query[r * 128 + 17] = ldexpf(1, exponent);
    for (int64_t k = 0; k < 300; k++) p.key[k * 128 + 17] = 0;
    check("one huge element", &p);
    for (int hidden = 0; hidden < 2; hidden++) {
      p = usual(4, 300, 128);
      /* One key whose score is far from all others, for nothing: masked, or far below. */
      for (int64_t d = 16; d < 24; d++) {
        for (int64_t r = 0; r < 4; r++) p.query[r * 128 + d] = ldexpf(1, exponent);
        for (int64_t k = 0; k < 300; k++) p.key[k * 128 + d] = (signed char)(k != 30 ? 0 : hidden ? 127 : -127);
      }
      p.biased = hidden;
      p.bias[30] = -INFINITY;
      check("huge elements, which one key knows", &p);
    }
    p = usual(4, 300, 128);
    for (int64_t e = 0; e < 4 * 128; e++) p.query[e] = ldexpf(p.query[e], e % 2 ? exponent : 0);
    for (int64_t e = 0; e < 300 * 128; e++) p.key[e] = e % 2 ? 0 : p.key[e];
    check("half of the elements huge", &p);
  }
  static const int exponents[] = {-140, -126, -100, -70, -62, 59, 63, 90, 110};
  for (int i = 0; i < 9; i++) {
    problem p = usual(3, 200, 80);
    for (int64_t e = 0; e < 3 * 80; e++) p.query[e] = ldexpf(p.query[e], exponents[i]);
    int part = exponents[i] < -100 ? -100 : exponents[i];
    p.scale = ldexpf(1, -part);
    for (int64_t k = 0; k < 200; k++) p.key_scale[k] = ldexpf(p.key_scale[k], part - exponents[i]);
    check("queries of all sizes", &p);
  }
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    problem p = usual(5, 200, 128);
    p.query[2 * 128 + 9] = odd[i];
    check("a query that is not finite", &p);
  }
}

/* Sums as large as they get, and digits at their ends. */
static void test_ends(void) {
  for (int sign = -1; sign <= 1; sign += 2) {
    for (int byte = -128; byte <= 127; byte += 255) {
      problem p = usual(4, 512, 1024);
      for (int64_t e = 0; e < 4 * 1024; e++) {
        /* Just below and just above what three digits hold at the finer unit. */
        p.query[e] = (float)sign * (e / 1024 % 2 ? 8355711.0f : 8355712.0f) / (8388608.0f * 1024);
      }
      memset(p.key, byte, 512 * 1024);
      memset(p.value, byte, 512 * 1024);
      check("the ends of int32", &p);
    }
  }
}

int main(void) {
  check_start();
  test_shapes();
  test_dominated();
  test_scales();
  test_masked();
  test_signs();
  test_queries();
  test_ends();
  return check_finish("fixed_point_test");
}
