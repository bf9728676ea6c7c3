// SPDX-License-Identifier: Apache-2.0
// One context per tier this machine can run.
#ifndef RAPT_TESTS_SUPPORT_CONTEXTS_H
#define RAPT_TESTS_SUPPORT_CONTEXTS_H

#include <rapt/rapt.h>

// Room for every tier of rapt.h.
enum { MAX_TIERS = 4 };

// A context of this tier and thread count; ends the test where it cannot be had.
rapt_context *context_of(int32_t isa, int32_t threads);

// The usable tiers in ascending order, portable first; prints once why a tier is left out.
int usable_tiers(int32_t tiers[MAX_TIERS]);

// The numbers of threads every case runs with; their results must be equal bit by bit.
enum { THREAD_COUNTS = 2 };
extern const int32_t thread_counts[THREAD_COUNTS];

// A tier and a context of it for each thread count.
typedef struct tier {
  int32_t isa;
  rapt_context *context[THREAD_COUNTS];
} tier;

// All tiers under test in ascending order, created at the first call and destroyed when the test ends. own: whether the
// case runs kernels that avx512bf16 has for itself. Where it does not, that tier is the one below it (tiers_test), and
// joins in the first case and every sixteenth after it.
const tier *test_tiers(int own, int *count);

// Leaves only the tier of this name under test; 0 where there is none of this name. Before test_tiers.
int test_only_tier(const char *name);

#endif
