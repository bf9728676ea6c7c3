// SPDX-License-Identifier: Apache-2.0
// The loops behind the ceilings, one set per tier: nothing but multiply-adds, nothing but loads.
#ifndef RAPT_BENCH_PROBE_H
#define RAPT_BENCH_PROBE_H

#include <stddef.h>
#include <stdint.h>

typedef struct probe {
  // Runs `rounds` rounds of multiply-adds in registers; returns the floating-point operations done.
  double (*multiply_add)(int64_t rounds);
  // Reads every byte once, as 1, 2 or 4 streams that begin as far apart as they are long (bytes is a multiple of 4096,
  // data 64-byte aligned); returns something from them.
  uint64_t (*read)(const void *data, size_t bytes, int streams);
} probe;

// The loops of a tier (RAPT_ISA_*), or NULL where this build has none. The caller knows that the CPU can run them.
const probe *probe_of(int32_t isa);

extern const probe probe_portable;
#if defined(__x86_64__)
extern const probe probe_avx2;
extern const probe probe_avx512;
#endif

#endif
