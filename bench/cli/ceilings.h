// SPDX-License-Identifier: Apache-2.0
// What this machine can do at best, measured now: f32 multiply-adds and streaming reads.
#ifndef RAPT_BENCH_CEILINGS_H
#define RAPT_BENCH_CEILINGS_H

#include <stddef.h>
#include <stdint.h>

#include "issue_rate.h"

typedef struct ceilings {
  // f32 multiply-adds in registers on all threads at once, two operations each; 0 = not measured.
  double gflops;
  // Reading a buffer much larger than the last cache, or copying it, all threads at once.
  double gbps;
  int copied;
  // Streams a thread read at once when it reached that; 0 where it copied.
  int streams;
  // That buffer's size.
  size_t buffer_bytes;
  // Threads that measured.
  int32_t threads;
  // Of the caller's core, beside the multiply-add peak.
  issue_rate issue;
} ceilings;

// Measures with this tier's instructions (RAPT_ISA_*, a usable one) on so many threads, but no more than there are
// CPUs; about half a second. The best of several passes: a ceiling is what nothing disturbed. Keeps the higher of what
// *out already holds, so that a second measurement after the benchmark can only raise it. 0 and a line on stderr on
// failure.
int ceilings_measure(int32_t isa, int32_t threads, ceilings *out);

// The multiply-add peak alone, the same.
int ceilings_measure_peak(int32_t isa, int32_t threads, ceilings *out);

// The bandwidth of copies within such a buffer, read and written bytes counted; gflops stays as it is.
int ceilings_measure_copy(int32_t threads, ceilings *out);

#endif
