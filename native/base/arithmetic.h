// SPDX-License-Identifier: Apache-2.0
#ifndef RAPT_BASE_ARITHMETIC_H
#define RAPT_BASE_ARITHMETIC_H

#include <stdint.h>

// a / b rounded up, for a >= 0 and b > 0, without overflow. Mostly the result is 0 or 1, and a comparison takes a tenth
// of a division's time.
static inline int64_t rapt_ceil_div(int64_t a, int64_t b) { return a <= b ? a > 0 : a / b + (a % b != 0); }

static inline int64_t rapt_min(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t rapt_max(int64_t a, int64_t b) { return a > b ? a : b; }

static inline int64_t rapt_clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

// The size of the next step where `left` > 0 is done in as few steps of at most `most` as possible, all nearly equal.
static inline int64_t rapt_even_step(int64_t left, int64_t most) {
  return left <= most ? left : rapt_ceil_div(left, rapt_ceil_div(left, most));
}

#endif
