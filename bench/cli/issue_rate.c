// SPDX-License-Identifier: Apache-2.0
#include "issue_rate.h"

#include <stdint.h>
#include <stdio.h>

#include "clock.h"
#include "stats.h"

// A core of x86 by itself takes four and more, so with fewer in all windows somebody shares it all the time. A wide
// core that is shared all the time may pass for a quiet one: a Zen 4 takes 7.8, half of which is above this.
#define LEAST_QUIET 3.5

#if defined(__x86_64__)

enum { WINDOWS = 41, ROUNDS = 20000, CHAIN = 16, WIDE = 64 };

// Seconds per addition that waits for the one before: a cycle.
static double cycle(void) {
  uint64_t x = 1;
  double start = clock_seconds();
  for (int i = 0; i < ROUNDS; i++) __asm__ volatile(".rept 16\nadd $1, %0\n.endr" : "+r"(x));
  return (clock_seconds() - start) / ((double)ROUNDS * CHAIN);
}

// Seconds per instruction where none waits for its neighbours.
static double instruction(void) {
  double start = clock_seconds();
  for (int i = 0; i < ROUNDS; i++) {
    __asm__ volatile(".rept 8\nadd $1, %%eax\nnop\nadd $1, %%ecx\nnop\nadd $1, %%edx\nnop\nadd $1, %%esi\nnop\n.endr" ::
                         : "eax", "ecx", "edx", "esi", "cc");
  }
  return (clock_seconds() - start) / ((double)ROUNDS * WIDE);
}

issue_rate issue_rate_measure(void) {
  double rates[WINDOWS];
  for (int i = 0; i < WINDOWS; i++) {
    // The clock may change between the two, so both neighbours count.
    double before = cycle(), one = instruction(), after = cycle();
    rates[i] = (before + after) / 2 / one;
  }
  stats s = stats_of(rates, WINDOWS);
  return (issue_rate){.low = s.p10, .median = s.median, .high = s.p90};
}

#else

issue_rate issue_rate_measure(void) { return (issue_rate){0}; }

#endif

const char *issue_rate_word(const issue_rate *rate) {
  if (rate->median == 0) return "";
  return rate->low < 0.7 * rate->high || rate->median < LEAST_QUIET ? "shared core" : "quiet";
}

void issue_rate_print(const issue_rate *rate) {
  if (rate->median == 0) return;
  printf("%-10s %s: %.1f simple instructions per cycle, %.1f to %.1f\n", "core", issue_rate_word(rate), rate->median,
         rate->low, rate->high);
}
