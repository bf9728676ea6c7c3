// SPDX-License-Identifier: Apache-2.0
// A result is checked before its time counts.
#ifndef RAPT_BENCH_CHECK_H
#define RAPT_BENCH_CHECK_H

#include <rapt/rapt.h>
#include <stdint.h>

// What was compared with what.
typedef struct check {
  int passed;
  // Largest absolute difference beyond the rounding of storage, and what it may be.
  double difference;
  double allowed;
  // Magnitude of the largest expected element.
  double largest;
  // Query rows compared, of how many.
  int64_t rows, rows_total;
  // "the portable tier" or "plain double".
  const char *against;
} check;

// The largest difference an f32 result may have from another f32 result where the values are in [-1, 1): 40 ulp of 1.
// Softmax weights sum to 1, so no output is larger; a wrong key or a lost tile shows at once. What 16-bit storage of
// the output rounds off is taken away first.
#define CHECK_ALLOWED 5e-6

// Compares call's output, which tier isa has just computed, with the portable tier's on the same inputs; the portable
// tier itself is compared with double arithmetic. Inputs are read in whatever storage they have; the expected rows are
// f32. A large problem is sampled: rows at the start, the middle and the end of its sequences in the first and the last
// head group, as much as fits in about a second of portable work. 0 and a line on stderr where the comparison cannot be
// made.
int check_attention(const rapt_sdpa *call, int32_t isa, check *out);

// Takes one element, stored as dtype, and what it should be into account.
void check_note(check *c, double got, double expected, int32_t dtype);

// Prints "verified ..." (or "WRONG ...").
void check_print(const check *c);

#endif
