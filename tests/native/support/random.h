// SPDX-License-Identifier: Apache-2.0
// A small seeded generator, so that a case's parameters are all it takes to repeat it.
#ifndef RAPT_TESTS_SUPPORT_RANDOM_H
#define RAPT_TESTS_SUPPORT_RANDOM_H

#include <stdint.h>

// SplitMix64 (Steele, Lea and Flood 2014): one word of state, any seed is good.
typedef struct random_state {
  uint64_t state;
} random_state;

static inline uint64_t random_next(random_state *r) {
  uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

// Uniform in [low, high], both included.
static inline int64_t random_between(random_state *r, int64_t low, int64_t high) {
  return low + (int64_t)(random_next(r) % (uint64_t)(high - low + 1));
}

// Uniform in [-1, 1), on 24 bits: exact in f32.
static inline float random_unit(random_state *r) {
  return (float)((int64_t)(random_next(r) >> 40) - (INT64_C(1) << 23)) * 0x1p-23f;
}

// True with the given percentage.
static inline int random_percent(random_state *r, int percent) { return random_between(r, 0, 99) < percent; }

#endif
