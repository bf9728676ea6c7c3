// SPDX-License-Identifier: Apache-2.0
// 16-bit storage. Arithmetic is f32 whatever the storage, so there is an exact oracle: the same call on f32 tensors
// that hold the widened values, its output narrowed, must agree bit by bit; int8 keys and values likewise, and the
// weights output of every stage. Only where a tier multiplies bf16 as such, its sums are others, and the bound judges
// them. The conversions themselves are checked for every 16-bit pattern and around every rounding boundary, through a
// linear projection by the number 1.
#include "support/storage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/compare.h"
#include "support/contexts.h"
#include "support/random.h"
#include "support/reference.h"

// out = in * 1 + 0 for a column of numbers, between any two storage types.
static void convert(rapt_context *context, const rapt_linear_weights *one, int64_t count, const void *from,
                    int32_t from_dtype, void *to, int32_t to_dtype) {
  rapt_linear call = {.head = {.struct_size = sizeof call},
                      .weights = one,
                      .input = {.data = (void *)(uintptr_t)from, .stride = {0, 1, 1}, .dtype = from_dtype},
                      .output = {.data = to, .stride = {count, 1, 1}, .dtype = to_dtype},
                      .batch = 1,
                      .rows = count};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_linear_run(context, &call, &error) == RAPT_OK, "linear: %s", error.message);
}

static rapt_linear_weights *times_one(rapt_context *context) {
  static float one = 1;
  rapt_linear_parameters weights = {.struct_size = sizeof weights,
                                    .weight = {.data = &one, .stride = {1, 1}, .dtype = RAPT_F32},
                                    .in_features = 1,
                                    .out_features = 1};
  rapt_linear_weights *linear = NULL;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_linear_create(context, &weights, &linear, &error) == RAPT_OK, "create: %s", error.message);
  return linear;
}

enum { PATTERNS = 65536, TRIES = 3 };

static void test_widening(rapt_context *context, const rapt_linear_weights *one, int32_t dtype) {
  static uint16_t patterns[PATTERNS];
  static float widened[PATTERNS];
  for (int i = 0; i < PATTERNS; i++) patterns[i] = (uint16_t)i;
  convert(context, one, PATTERNS, patterns, dtype, widened, RAPT_F32);
  for (int i = 0; i < PATTERNS; i++) {
    float expected = storage_value(dtype, (uint16_t)i);
    int same = isnan(expected) ? isnan(widened[i]) : widened[i] == expected;
    CHECK(same, "%s 0x%04x: expected %a, got %a", storage_name(dtype), (unsigned)i, (double)expected,
          (double)widened[i]);
  }
}

static void test_narrowing(rapt_context *context, const rapt_linear_weights *one, int32_t dtype) {
  static float numbers[PATTERNS * TRIES];
  static uint16_t narrowed[PATTERNS * TRIES];
  for (int i = 0; i < PATTERNS; i++) {
    // Halfway to the next pattern, and one f32 to either side of that.
    float value = storage_value(dtype, (uint16_t)i), next = storage_value(dtype, (uint16_t)(i + 1));
    float middle = isfinite(value) && isfinite(next) ? value + (next - value) / 2 : value;
    numbers[TRIES * i] = middle;
    numbers[TRIES * i + 1] = nextafterf(middle, INFINITY);
    numbers[TRIES * i + 2] = nextafterf(middle, -INFINITY);
  }
  convert(context, one, PATTERNS * TRIES, numbers, RAPT_F32, narrowed, dtype);
  for (int i = 0; i < PATTERNS * TRIES; i++) {
    if (isnan(numbers[i])) {
      CHECK(isnan(storage_value(dtype, narrowed[i])), "NaN to %s: got 0x%04x", storage_name(dtype),
            (unsigned)narrowed[i]);
      continue;
    }
    // A sum with the bias, +0, has turned -0 into +0.
    uint16_t expected = storage_nearest(dtype, numbers[i] == 0 ? 0.0f : numbers[i]);
    CHECK(narrowed[i] == expected, "%a to %s: expected 0x%04x, got 0x%04x", (double)numbers[i], storage_name(dtype),
          (unsigned)expected, (unsigned)narrowed[i]);
  }
}

typedef struct shape {
  int64_t batch, heads, kv_heads, query_len, kv_len, head_dim, value_dim;
  int transposed;
} shape;

static const shape shapes[] = {
    {1, 2, 2, 1, 70, 64, 64, 0},   {2, 8, 2, 1, 1500, 33, 17, 0}, {1, 4, 1, 3, 65, 128, 128, 0},
    {1, 2, 1, 50, 200, 64, 64, 0}, {2, 3, 3, 33, 193, 40, 72, 0}, {1, 4, 2, 1, 90, 32, 32, 1},
    {1, 2, 2, 37, 100, 24, 31, 1}, {1, 1, 1, 5, 5, 1, 1, 0},      {1, 16, 1, 9, 1100, 80, 96, 0},
};

static rapt_tensor tensor(void *data, int32_t dtype, int64_t heads, int64_t len, int64_t depth, int transposed) {
  rapt_tensor t = {.data = data, .stride = {heads * len * depth, len * depth, depth, 1}, .dtype = dtype};
  if (transposed) {
    t.stride[2] = 1;
    t.stride[3] = len;
  }
  return t;
}

typedef struct operand {
  float *wide;
  uint16_t *narrow;
} operand;

static operand fill(random_state *random, int32_t dtype, int64_t count) {
  operand o = {malloc((size_t)count * sizeof(float)), malloc((size_t)count * sizeof(uint16_t))};
  if (o.wide == NULL || o.narrow == NULL) check_abort("the test cannot allocate its operands");
  for (int64_t i = 0; i < count; i++) {
    o.narrow[i] = storage_nearest(dtype, 3 * random_unit(random));
    o.wide[i] = storage_value(dtype, o.narrow[i]);
  }
  return o;
}

static void release(operand o) {
  free(o.wide);
  free(o.narrow);
}

// Results of bf16 queries and keys in f32 against the double reference of what they stand for.
static void judge(rapt_context *context, const rapt_sdpa *narrow, const rapt_sdpa *wide) {
  int64_t rows = wide->batch * wide->query_heads * wide->query_len, count = rows * wide->value_dim;
  float *output = malloc((size_t)count * sizeof(float));
  if (output == NULL) check_abort("the test cannot allocate its output");
  rapt_sdpa call = *narrow;
  call.output.data = output;
  call.output.dtype = RAPT_F32;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "attention: %s", error.message);
  reference_attended expected = {reference_numbers(count), reference_numbers(rows), NULL};
  reference_attention(wide, &expected);
  const int64_t size[4] = {wide->batch, wide->query_heads, wide->query_len, wide->value_dim};
  compare_result("f32 output", "output", &call.output, size, expected.output);
  // What narrow's own output has to round to.
  memcpy(wide->output.data, output, (size_t)count * sizeof(float));
  free(expected.output), free(expected.lse), free(output);
}

// bias: also an additive bias in the same storage.
static void test_attention(const tier *on, int32_t dtype, const shape *s, int bias, uint64_t seed) {
  rapt_context *context = on->context[1];
  random_state random = {seed};
  int64_t rows = s->batch * s->heads * s->query_len, keys = s->batch * s->kv_heads * s->kv_len;
  operand q = fill(&random, dtype, rows * s->head_dim), k = fill(&random, dtype, keys * s->head_dim);
  operand v = fill(&random, dtype, keys * s->value_dim), o = fill(&random, dtype, rows * s->value_dim);
  operand b = fill(&random, dtype, s->query_len * s->kv_len);
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .batch = s->batch,
                    .query_heads = s->heads,
                    .kv_heads = s->kv_heads,
                    .query_len = s->query_len,
                    .kv_len = s->kv_len,
                    .head_dim = s->head_dim,
                    .value_dim = s->value_dim};
  call.options.flags = RAPT_CAUSAL;
  call.options.position = s->kv_len - s->query_len;
  rapt_error error = {.struct_size = sizeof error};
  rapt_sdpa wide;
  for (int narrow = 0; narrow < 2; narrow++) {
    int32_t d = narrow ? dtype : RAPT_F32;
    void *data[] = {q.wide, k.wide, v.wide, o.wide, b.wide};
    void *narrow_data[] = {q.narrow, k.narrow, v.narrow, o.narrow, b.narrow};
    void **from = narrow ? narrow_data : data;
    call.query = tensor(from[0], d, s->heads, s->query_len, s->head_dim, s->transposed);
    call.key = tensor(from[1], d, s->kv_heads, s->kv_len, s->head_dim, s->transposed);
    call.value = tensor(from[2], d, s->kv_heads, s->kv_len, s->value_dim, s->transposed);
    call.output = tensor(from[3], d, s->heads, s->query_len, s->value_dim, s->transposed);
    if (bias) call.bias = (rapt_tensor){.data = from[4], .stride = {0, 0, s->kv_len, 1}, .dtype = d};
    CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "attention: %s", error.message);
    if (!narrow) wide = call;
  }
  if (on->isa == RAPT_ISA_AVX512BF16 && dtype == RAPT_BF16) judge(context, &call, &wide);
  for (int64_t i = 0; i < rows * s->value_dim; i++) {
    uint16_t expected = storage_nearest(dtype, o.wide[i]);
    CHECK(o.narrow[i] == expected, "output[%lld]: expected 0x%04x (%g), got 0x%04x", (long long)i, (unsigned)expected,
          (double)o.wide[i], (unsigned)o.narrow[i]);
  }
  release(q), release(k), release(v), release(o), release(b);
}

// The weights output in 16 bits, rows or columns, against the one in f32.
static void test_weights(rapt_context *context, int32_t dtype, const shape *s, int32_t stage, int transposed) {
  random_state random = {99};
  int64_t rows = s->batch * s->heads * s->query_len, keys = s->batch * s->kv_heads * s->kv_len;
  operand q = fill(&random, RAPT_F16, rows * s->head_dim), k = fill(&random, RAPT_F16, keys * s->head_dim);
  operand v = fill(&random, RAPT_F16, keys * s->value_dim), o = fill(&random, RAPT_F16, rows * s->value_dim);
  operand w = fill(&random, dtype, rows * s->kv_len);
  rapt_sdpa call = {.head = {.struct_size = sizeof call},
                    .query = tensor(q.wide, RAPT_F32, s->heads, s->query_len, s->head_dim, 0),
                    .key = tensor(k.wide, RAPT_F32, s->kv_heads, s->kv_len, s->head_dim, 0),
                    .value = tensor(v.wide, RAPT_F32, s->kv_heads, s->kv_len, s->value_dim, 0),
                    .output = tensor(o.wide, RAPT_F32, s->heads, s->query_len, s->value_dim, 0),
                    .batch = s->batch,
                    .query_heads = s->heads,
                    .kv_heads = s->kv_heads,
                    .query_len = s->query_len,
                    .kv_len = s->kv_len,
                    .head_dim = s->head_dim,
                    .value_dim = s->value_dim};
  call.options.flags = RAPT_CAUSAL;
  call.options.position = s->kv_len - s->query_len;
  call.options.weights_stage = stage;
  rapt_error error = {.struct_size = sizeof error};
  for (int narrow = 0; narrow < 2; narrow++) {
    void *to = narrow ? (void *)w.narrow : w.wide;
    call.weights = tensor(to, narrow ? dtype : RAPT_F32, s->heads, s->query_len, s->kv_len, narrow && transposed);
    CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "weights: %s", error.message);
  }
  for (int64_t row = 0; row < rows; row++) {
    const uint16_t *got =
        w.narrow + row / s->query_len * call.weights.stride[1] + row % s->query_len * call.weights.stride[2];
    for (int64_t j = 0; j < s->kv_len; j++) {
      float wide = w.wide[row * s->kv_len + j];
      uint16_t expected = storage_nearest(dtype, wide), pattern = got[j * call.weights.stride[3]];
      CHECK(pattern == expected, "stage %d, weights[%lld][%lld]: expected 0x%04x (%g), got 0x%04x", stage,
            (long long)row, (long long)j, (unsigned)expected, (double)wide, (unsigned)pattern);
    }
  }
  release(q), release(k), release(v), release(o), release(w);
}

typedef struct quantised {
  signed char *bytes;
  float *scale;
  float *wide;
} quantised;

// Every byte, -128 too; scales that are powers of two, so that it does not matter where they are applied.
static quantised fill_bytes(random_state *random, int64_t rows, int64_t depth, int64_t groups) {
  int64_t count = rows * depth, size = depth / groups;
  quantised o = {malloc((size_t)count), malloc((size_t)(rows * groups) * sizeof(float)),
                 malloc((size_t)count * sizeof(float))};
  if (o.bytes == NULL || o.scale == NULL || o.wide == NULL) check_abort("the test cannot allocate its operands");
  for (int64_t g = 0; g < rows * groups; g++) o.scale[g] = ldexpf(1, (int)(random_next(random) % 8) - 10);
  for (int64_t i = 0; i < count; i++) {
    o.bytes[i] = (signed char)(i % 7 == 0 ? -128 : (int)(random_next(random) & 255) - 128);
    o.wide[i] = (float)o.bytes[i] * o.scale[i / size];
  }
  return o;
}

static rapt_tensor scale_tensor(float *data, int64_t heads, int64_t len, int64_t groups) {
  return (rapt_tensor){.data = data, .stride = {heads * len * groups, len * groups, groups, 1}, .dtype = RAPT_F32};
}

// int8 keys and values against the same call on what they stand for, bit by bit.
static void test_bytes(rapt_context *context, const shape *s, int64_t groups, uint64_t seed) {
  random_state random = {seed};
  int64_t rows = s->batch * s->heads * s->query_len, keys = s->batch * s->kv_heads * s->kv_len;
  quantised k = fill_bytes(&random, keys, s->head_dim, s->head_dim % groups ? 1 : groups);
  quantised v = fill_bytes(&random, keys, s->value_dim, s->value_dim % groups ? 1 : groups);
  operand q = fill(&random, RAPT_F16, rows * s->head_dim);
  float *out[2];
  rapt_error error = {.struct_size = sizeof error};
  for (int narrow = 0; narrow < 2; narrow++) {
    int32_t d = narrow ? RAPT_I8 : RAPT_F32;
    out[narrow] = calloc((size_t)(rows * s->value_dim), sizeof(float));
    if (out[narrow] == NULL) check_abort("the test cannot allocate its output");
    rapt_sdpa call = {.head = {.struct_size = sizeof call},
                      .batch = s->batch,
                      .query_heads = s->heads,
                      .kv_heads = s->kv_heads,
                      .query_len = s->query_len,
                      .kv_len = s->kv_len,
                      .head_dim = s->head_dim,
                      .value_dim = s->value_dim};
    call.query = tensor(q.wide, RAPT_F32, s->heads, s->query_len, s->head_dim, s->transposed);
    call.output = tensor(out[narrow], RAPT_F32, s->heads, s->query_len, s->value_dim, 0);
    // Scales belong to groups along a row, so rows must be what was quantised.
    call.key = tensor(narrow ? (void *)k.bytes : k.wide, d, s->kv_heads, s->kv_len, s->head_dim, 0);
    call.value = tensor(narrow ? (void *)v.bytes : v.wide, d, s->kv_heads, s->kv_len, s->value_dim, 0);
    if (narrow) {
      call.key_scale_groups = s->head_dim % groups ? 1 : groups;
      call.value_scale_groups = s->value_dim % groups ? 1 : groups;
      call.key_scale = scale_tensor(k.scale, s->kv_heads, s->kv_len, call.key_scale_groups);
      call.value_scale = scale_tensor(v.scale, s->kv_heads, s->kv_len, call.value_scale_groups);
    }
    CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "attention: %s", error.message);
  }
  for (int64_t i = 0; i < rows * s->value_dim; i++) {
    CHECK(out[0][i] == out[1][i], "output[%lld]: expected %a, got %a", (long long)i, (double)out[0][i],
          (double)out[1][i]);
  }
  release(q);
  free(k.bytes), free(k.scale), free(k.wide);
  free(v.bytes), free(v.scale), free(v.wide);
  free(out[0]), free(out[1]);
}

int main(void) {
  check_start();
  int count;
  const tier *tiers = test_tiers(1, &count);
  static const int32_t dtypes[] = {RAPT_F16, RAPT_BF16};
  for (int t = 0; t < count; t++) {
    for (int d = 0; d < 2; d++) {
      check_set_case("storage_test: %s on %s", storage_name(dtypes[d]), rapt_isa_name(tiers[t].isa));
      rapt_linear_weights *one = times_one(tiers[t].context[0]);
      test_widening(tiers[t].context[0], one, dtypes[d]);
      test_narrowing(tiers[t].context[0], one, dtypes[d]);
      rapt_linear_destroy(one);
      for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check_set_case("storage_test: %s on %s, shape %zu", storage_name(dtypes[d]), rapt_isa_name(tiers[t].isa), i);
        test_attention(&tiers[t], dtypes[d], &shapes[i], (int)(i % 2), 77 + i);
        for (int32_t stage = RAPT_WEIGHTS_RAW; stage <= RAPT_WEIGHTS_SOFTMAX; stage++) {
          test_weights(tiers[t].context[1], dtypes[d], &shapes[i], stage, (stage + (int)i) % 2);
        }
      }
    }
  }
  for (int t = 0; t < count; t++) {
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
      check_set_case("storage_test: i8 on %s, shape %zu", rapt_isa_name(tiers[t].isa), i);
      test_bytes(tiers[t].context[1], &shapes[i], 1, 177 + i);
      test_bytes(tiers[t].context[1], &shapes[i], 8, 277 + i);
    }
  }
  return check_finish("storage_test");
}
