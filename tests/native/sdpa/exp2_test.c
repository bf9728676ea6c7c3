// SPDX-License-Identifier: Apache-2.0
// The exponential of the softmax, on every tier and for every float that is not above 0, by way of the kernels that use
// it: a weight under maximum 0 and factor 1 is 2^score.
#include <inttypes.h>
#include <math.h>
#include <rapt/rapt.h>
#include <stdio.h>
#include <string.h>

#include "cpu/kernels/kernels.h"
#include "support/check.h"

// Below this magnitude the power is 1 within a quarter of a unit, and beyond the other it is less than half of the
// least float.
#define ALMOST_ZERO 0x1p-26f
#define FAR_BELOW 150.0f
#define INFINITE 0x7f800000u
#define SIGN 0x80000000u
// Units in the last place; what a tier may be off by that has x - floor(x) as a float, which is rounded for small x.
#define MOST_ERROR 2.0
#define MOST_ERROR_BY_FLOOR 3.2

// Floats at a time.
enum { BLOCK = 4096 };

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// 2^x by the series of the exponential on half a unit to both sides, to some 50 bits.
static double power(double x) {
  double n = (double)(int64_t)(x - 0.5), f = (x - n) * 0x1.62e42fefa39efp-1, sum = 0;
  static const double series[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
      1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1,           1};
  for (size_t i = 0; i < sizeof series / sizeof *series; i++) sum = sum * f + series[i];
  uint64_t bits = (uint64_t)((int64_t)n + 1023) << 52;
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return sum * scale;
}

// The distance between two floats of the binade of x, from 2^-149 on.
static double unit_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits = (bits & 0x7ff0000000000000u) - (23ull << 52);
  double unit;
  memcpy(&unit, &bits, sizeof unit);
  return unit > 0x1p-149 ? unit : 0x1p-149;
}

typedef struct tier {
  rapt_kernels kernels;
  double most;
  double worst;
  float worst_at;
} tier;

// Every step-th magnitude from the first on.
typedef struct magnitudes {
  uint32_t first;
  uint32_t step;
  int count;
} magnitudes;

static float float_at(magnitudes m, int i) { return float_of((m.first + (uint32_t)i * m.step) | SIGN); }

// The next block from `at` on, of those before `last`.
static magnitudes block_at(uint64_t at, uint32_t last, int step) {
  uint64_t left = (last - at + (uint64_t)step - 1) / (uint64_t)step;
  return (magnitudes){(uint32_t)at, (uint32_t)step, left < BLOCK ? (int)left : BLOCK};
}

static void powers_of(const tier *t, magnitudes m, float *out) {
  for (int i = 0; i < m.count; i++) out[i] = float_at(m, i);
  t->kernels.weigh(m.count, 1, 0, 1, out);
}

static void compare(tier *t, magnitudes m, const double *expected) {
  float got[BLOCK];
  powers_of(t, m, got);
  for (int i = 0; i < m.count; i++) {
    double error = fabs(got[i] - expected[i]) / unit_of(expected[i]);
    if (error > t->worst) {
      t->worst = error;
      t->worst_at = float_at(m, i);
    }
  }
}

// Floats of magnitudes first .. last have powers of low .. high.
static void enclose(const tier *t, uint32_t first, uint32_t last, double low, double high) {
  int step = test_sweep(1, 61, 997);
  float got[BLOCK], least = INFINITY, most = -INFINITY;
  magnitudes m;
  for (uint64_t at = first; at < last; at += (uint64_t)m.count * m.step) {
    m = block_at(at, last, step);
    powers_of(t, m, got);
    for (int i = 0; i < m.count; i++) {
      least = got[i] < least ? got[i] : least;
      most = got[i] > most ? got[i] : most;
    }
  }
  CHECK(least >= low && most <= high, "%s: 2^x of |x| from %a to %a is %a to %a", rapt_isa_name(t->kernels.isa),
        (double)float_of(first), (double)float_of(last), (double)least, (double)most);
}

static void check_range(tier *tiers, int count) {
  uint32_t first = bits_of(ALMOST_ZERO), last = bits_of(FAR_BELOW);
  int step = test_sweep(1, 1, 61);
  double expected[BLOCK];
  magnitudes m;
  for (uint64_t at = first; at < last; at += (uint64_t)m.count * m.step) {
    m = block_at(at, last, step);
    for (int i = 0; i < m.count; i++) expected[i] = power((double)float_at(m, i));
    for (int i = 0; i < count; i++) compare(&tiers[i], m, expected);
  }
  for (int i = 0; i < count; i++) {
    tier *t = &tiers[i];
    printf("%s: at most %.3f ulp, at %a\n", rapt_isa_name(t->kernels.isa), t->worst, (double)t->worst_at);
    CHECK(t->worst <= t->most, "%s: 2^%a is off by %f ulp", rapt_isa_name(t->kernels.isa), (double)t->worst_at,
          t->worst);
    enclose(t, 0, first, 1 - t->most * 0x1p-24, 1);
    enclose(t, last, INFINITE, 0, 0);
  }
}

// One step of the softmax, in which the weight of -inf is not set apart as it is in weigh.
static void check_softmax(const tier *t) {
  const char *name = rapt_isa_name(t->kernels.isa);
  enum { KEYS = 4, WIDTH = RAPT_MAX_PANEL_WIDTH };
  float scores[KEYS * WIDTH], maximum[WIDTH], sum[WIDTH], correction[WIDTH];
  for (int lane = 0; lane < WIDTH; lane++) {
    maximum[lane] = 0;
    sum[lane] = 0;
    scores[lane] = lane % 2 == 0 ? 0.0f : -0.0f;
    scores[WIDTH + lane] = -INFINITY;
    scores[2 * WIDTH + lane] = -3.4e38f;
    scores[3 * WIDTH + lane] = -149;
  }
  t->kernels.softmax(KEYS, WIDTH, 1, 0, scores, maximum, sum, correction);
  for (int lane = 0; lane < WIDTH; lane++) {
    CHECK(bits_of(scores[lane]) == bits_of(1), "%s: 2^0 is %a", name, (double)scores[lane]);
    CHECK(bits_of(scores[WIDTH + lane]) == 0, "%s: 2^-inf is %a", name, (double)scores[WIDTH + lane]);
    CHECK(bits_of(scores[2 * WIDTH + lane]) == 0, "%s: 2^-3.4e38 is %a", name, (double)scores[2 * WIDTH + lane]);
    CHECK(bits_of(scores[3 * WIDTH + lane]) == 1, "%s: 2^-149 is %a", name, (double)scores[3 * WIDTH + lane]);
  }
}

// A NaN stays the NaN that it is, but for being quiet.
static void check_nan(const tier *t) {
  enum { PAYLOADS = 1000, QUIET = 0x400000 };
  uint32_t nan[PAYLOADS];
  float out[PAYLOADS];
  for (uint32_t i = 0; i < PAYLOADS; i++) {
    nan[i] = (i % 2 == 0 ? 0 : SIGN) | INFINITE | (i * 2654435761u & 0x7fffff) | 1;
  }
  memcpy(out, nan, sizeof out);
  t->kernels.weigh(PAYLOADS, 1, 0, 1, out);
  for (int i = 0; i < PAYLOADS; i++) {
    CHECK(bits_of(out[i]) == (nan[i] | QUIET), "%s: 2^NaN %08" PRIx32 " is %08" PRIx32, rapt_isa_name(t->kernels.isa),
          nan[i], bits_of(out[i]));
  }
}

int main(void) {
  check_start();
  tier tiers[RAPT_ISA_AVX512];
  int count = 0;
  // avx512bf16 has the very functions of avx512.
  for (int32_t isa = RAPT_ISA_PORTABLE; isa <= RAPT_ISA_AVX512; isa++) {
    if (rapt_isa_unusable(isa) != NULL) continue;
    tiers[count] = (tier){.most = isa == RAPT_ISA_AVX2 ? MOST_ERROR : MOST_ERROR_BY_FLOOR};
    rapt_kernels_fill(isa, &tiers[count].kernels);
    check_softmax(&tiers[count]);
    check_nan(&tiers[count]);
    count++;
  }
  check_range(tiers, count);
  return check_finish("exp2_test");
}
