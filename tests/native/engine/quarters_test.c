// SPDX-License-Identifier: Apache-2.0
// Decode's product of weights and values by quarters: within the error of its sums, the same bits for a row alone, and
// values of weight 0 never show where terms are guarded. Values end at guard pages.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "call/operation.h"
#include "cpu/kernels/kernels.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"

enum {
  MOST_DEPTH = RAPT_MAX_HEAD_DIM,
  MOST_KEYS = RAPT_QUARTER_KEYS,
  STRIDE = MOST_KEYS + 2,
  SCORES = RAPT_QUARTERS * STRIDE
};

static const int64_t depths[] = {1, 7, 8, 9, 64, 80, 127, 128, 255, 256, 257, 512, 517, RAPT_MAX_HEAD_DIM};
static const int64_t row_counts[] = {1, 2, 3, 4, 7, 8, 16};
static const int64_t key_counts[] = {1, 2, 5, RAPT_QUARTER_KEYS};
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { F32, F16, BF16, I8, KINDS };
static const size_t sizes[] = {4, 2, 2, 1};

typedef struct shape {
  int kind;
  int64_t rows;
  int64_t keys;
  int64_t depth;
  // Elements from one value to the next, of each quarter.
  int64_t stride[RAPT_QUARTERS];
} shape;

static float weights[RAPT_DECODE_WIDTH * SCORES], start[RAPT_DECODE_WIDTH * MOST_DEPTH];
static float correction[RAPT_DECODE_WIDTH], output[2][RAPT_DECODE_WIDTH * MOST_DEPTH];
// What the values stand for, [quarter][key][element].
static double exact[RAPT_QUARTERS][MOST_KEYS][MOST_DEPTH];

static rapt_gather_quarters *kernel_of(const rapt_kernels *k, int kind) {
  rapt_gather_quarters *all[] = {k->quarters.gather_f32, k->quarters.gather_f16, k->quarters.gather_bf16,
                                 k->quarters.gather_i8};
  return all[kind];
}

// A number that every kind holds exactly, at element i of values; NaN where the kind has one and `poison` is set.
static double put(int kind, void *to, int64_t i, int number, int poison) {
  static const uint16_t f16[] = {0xbc00, 0xb800, 0, 0x3800, 0x3c00}, bf16[] = {0xbf80, 0xbf00, 0, 0x3f00, 0x3f80};
  static const double numbers[] = {-1, -0.5, 0, 0.5, 1};
  if (kind == F32) ((float *)to)[i] = poison ? NAN : (float)numbers[number];
  if (kind == F16) ((uint16_t *)to)[i] = poison ? 0x7e00 : f16[number];
  if (kind == BF16) ((uint16_t *)to)[i] = poison ? 0x7fc0 : bf16[number];
  if (kind == I8) ((int8_t *)to)[i] = (int8_t)(2 * numbers[number]);
  return kind == I8 ? 2 * numbers[number] : numbers[number];
}

// Adds the values to rows first .. last.
static void run(const rapt_kernels *kernels, const shape *s, void *const *values, int64_t first, int64_t last,
                int guarded, float *out) {
  rapt_quarters q = {.rows = last - first,
                     .keys = s->keys,
                     .depth = s->depth,
                     .weights = weights + first * SCORES,
                     .weight_stride = SCORES,
                     .apart = STRIDE,
                     .correction = correction + first,
                     .out = out + first * MOST_DEPTH,
                     .out_stride = MOST_DEPTH,
                     .guarded = guarded};
  for (int64_t k = 0; k < s->keys; k++) {
    for (int i = 0; i < RAPT_QUARTERS; i++) {
      q.values[k][i] = (const char *)values[i] + k * s->stride[i] * (int64_t)sizes[s->kind];
    }
  }
  kernel_of(kernels, s->kind)(&q);
}

static void run_all(const rapt_kernels *kernels, const shape *s, void *const *values, int guarded, float *out) {
  memcpy(out, start, sizeof start);
  run(kernels, s, values, 0, s->rows, guarded, out);
}

static void check_error(const shape *s, const float *out) {
  for (int64_t r = 0; r < s->rows; r++) {
    for (int64_t d = 0; d < s->depth; d++) {
      double sum = (double)start[r * MOST_DEPTH + d] * correction[r], size = fabs(sum);
      for (int64_t k = 0; k < s->keys; k++) {
        for (int i = 0; i < RAPT_QUARTERS; i++) {
          double term = (double)weights[r * SCORES + i * STRIDE + k] * exact[i][k][d];
          sum += term;
          size += fabs(term);
        }
      }
      // Four roundings of each key number's terms, one for each further key number, and two of the output.
      double allowed = (double)(RAPT_QUARTERS + s->keys + 1) * 0x1p-24 * size;
      CHECK(fabs(out[r * MOST_DEPTH + d] - sum) <= allowed, "row %lld, element %lld is %g instead of %g, allowed %g",
            (long long)r, (long long)d, out[r * MOST_DEPTH + d], sum, allowed);
    }
  }
}

static void check_shape(const rapt_kernels *kernels, const shape *s, random_state *random, guard_buffer *buffers) {
  void *values[RAPT_QUARTERS];
  check_set_case("quarters_test: tier %d, kind %d, %lld rows, 4 x %lld keys, depth %lld", (int)kernels->isa, s->kind,
                 (long long)s->rows, (long long)s->keys, (long long)s->depth);
  for (int i = 0; i < RAPT_QUARTERS; i++) {
    int64_t count = (s->keys - 1) * s->stride[i] + s->depth;
    values[i] = guard_place(&buffers[i], (size_t)count * sizes[s->kind], GUARD_END);
    memset(values[i], 0, (size_t)count * sizes[s->kind]);
    for (int64_t k = 0; k < s->keys; k++) {
      for (int64_t d = 0; d < s->depth; d++) {
        exact[i][k][d] = put(s->kind, values[i], k * s->stride[i] + d, (int)random_between(random, 0, 4), 0);
      }
    }
  }
  run_all(kernels, s, values, 0, output[0]);
  check_error(s, output[0]);
  memcpy(output[1], start, sizeof start);
  for (int64_t r = 0; r < s->rows; r++) run(kernels, s, values, r, r + 1, 0, output[1]);
  CHECK(!memcmp(output[0], output[1], sizeof start), "a row has other bits alone");
  run_all(kernels, s, values, 1, output[1]);
  CHECK(!memcmp(output[0], output[1], sizeof start), "guarded terms give other bits");
  // Every row's weight of these is 0: the first key of quarter 1, and the last of quarter 3.
  for (int64_t d = 0; d < s->depth; d++) {
    put(s->kind, values[1], d, 4, 1);
    put(s->kind, values[3], (s->keys - 1) * s->stride[3] + d, 4, 1);
  }
  run_all(kernels, s, values, 1, output[1]);
  CHECK(!memcmp(output[0], output[1], sizeof start), "a value of weight 0 shows");
}

static void check_tier(int32_t isa) {
  rapt_kernels kernels;
  CHECK(rapt_kernels_fill(isa, &kernels), "no kernels of tier %d", isa);
  if (kernels.quarters.gather_f32 == NULL) {
    printf("tier %d gathers by blocks\n", isa);
    return;
  }
  random_state random = {(uint64_t)isa};
  guard_buffer buffers[RAPT_QUARTERS] = {0};
  int64_t every = test_sweep(1, 1, 3), number = 0;
  // Not 0: that would leave the sign of a zero to the sign of terms of weight 0.
  for (int r = 0; r < RAPT_DECODE_WIDTH; r++) correction[r] = 1 / (1 + (float)r);
  for (size_t i = 0; i < COUNT(start); i++) start[i] = random_unit(&random);
  for (size_t d = 0; d < COUNT(depths); d++) {
    for (size_t r = 0; r < COUNT(row_counts); r++) {
      for (size_t k = 0; k < COUNT(key_counts); k++) {
        for (int kind = 0; kind < KINDS; kind++) {
          if (number++ % every != 0) continue;
          shape s = {.kind = kind, .rows = row_counts[r], .keys = key_counts[k], .depth = depths[d]};
          for (int i = 0; i < RAPT_QUARTERS; i++) s.stride[i] = s.depth + (number + i) % 3 * 5;
          for (size_t w = 0; w < COUNT(weights); w++) {
            weights[w] = random_percent(&random, 10) ? 0 : random_unit(&random);
          }
          for (int64_t row = 0; row < s.rows; row++) {
            weights[row * SCORES + STRIDE] = weights[row * SCORES + 3 * STRIDE + s.keys - 1] = 0;
          }
          check_shape(&kernels, &s, &random, buffers);
        }
      }
    }
  }
  for (int i = 0; i < RAPT_QUARTERS; i++) guard_free(&buffers[i]);
}

int main(void) {
  check_start();
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  for (int t = 0; t < count; t++) check_tier(tiers[t]);
  return check_finish("quarters_test");
}
