// SPDX-License-Identifier: Apache-2.0
// Checks that count, name their case, and let the run go on after a failure; a seeded generator.
#ifndef RAPT_TESTS_CUDA_CHECK_H
#define RAPT_TESTS_CUDA_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <string>

struct check_totals {
  long checks = 0;
  long failures = 0;
  std::string name;
};

inline check_totals &totals() {
  static check_totals all;
  return all;
}

// Names the case that the next checks belong to.
inline void check_case(const std::string &name) { totals().name = name; }

// The rest is a printf message that says what was expected and what came.
#define CHECK(condition, ...)                                                     \
  do {                                                                            \
    totals().checks++;                                                            \
    if (!(condition) && totals().failures++ < 40) {                               \
      fprintf(stderr, "%s:%d: [%s] ", __FILE__, __LINE__, totals().name.c_str()); \
      fprintf(stderr, __VA_ARGS__);                                               \
      fputc('\n', stderr);                                                        \
    }                                                                             \
  } while (0)

// The exit status of main: 1 after a failure, or where nothing was checked.
inline int check_finish(const char *test) {
  printf("%s: %ld checks, %ld failures\n", test, totals().checks, totals().failures);
  return totals().failures != 0 || totals().checks == 0;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool check_reduced = true;
#else
constexpr bool check_reduced = false;
#endif

// How many random cases a sweep draws: `usual`, or `full` where the environment variable RAPT_TEST_FULL is set, or
// under a sanitizer `reduced`. The first ones are the same whatever the number.
inline int test_sweep(int full, int usual, int reduced) {
  return getenv("RAPT_TEST_FULL") != nullptr ? full : check_reduced ? reduced : usual;
}

// SplitMix64 (Steele, Lea and Flood 2014).
struct generator {
  uint64_t state;
  uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [low, high].
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
  }
  bool percent(int chance) { return between(0, 99) < chance; }
  // In [-1, 1), exact in f32.
  float unit() { return static_cast<float>(between(-(1 << 23), (1 << 23) - 1)) * 0x1p-23f; }
};

#endif
