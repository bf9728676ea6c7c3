// SPDX-License-Identifier: Apache-2.0
#include <rapt/rapt.h>

#include "probe.h"

typedef float lanes __attribute__((vector_size(16)));
typedef uint64_t words __attribute__((vector_size(16)));

// SSE2 and NEON both have at least 16 registers of 4 floats: 12 sums hide the latency of a multiply and an add.
enum { SUMS = 12, LANES = 4, LOADS = 4 };

static double multiply_add(int64_t rounds) {
  lanes sum[SUMS];
  for (int i = 0; i < SUMS; i++) sum[i] = (lanes){1, 1, 1, 1};
  lanes factor = {0.5f, 0.5f, 0.5f, 0.5f};
  // Opaque, or the compiler sees that nothing changes and drops the loop.
  __asm__ volatile("" : "+m"(factor));
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * factor + factor;
  }
  for (int i = 0; i < SUMS; i++) __asm__ volatile("" ::"m"(sum[i]));
  return 2.0 * SUMS * LANES * (double)rounds;
}

static uint64_t read_all(const void *data, size_t bytes, int streams) {
  const words *at[LOADS];
  size_t length = bytes / sizeof **at / (size_t)streams, step = LOADS / (size_t)streams;
  // Neighbours of one stream, or one of each.
  for (size_t i = 0; i < LOADS; i++) at[i] = (const words *)data + i / step * length + i % step;
  words a = {0, 0}, b = a, c = a, d = a;
  for (size_t i = 0; i < length; i += step) {
    a += at[0][i];
    b += at[1][i];
    c += at[2][i];
    d += at[3][i];
  }
  a += b + c + d;
  return a[0] + a[1];
}

const probe probe_portable = {multiply_add, read_all};

const probe *probe_of(int32_t isa) {
  switch (isa) {
    case RAPT_ISA_PORTABLE:
      return &probe_portable;
#if defined(__x86_64__)
    case RAPT_ISA_AVX2:
      return &probe_avx2;
    case RAPT_ISA_AVX512:
    case RAPT_ISA_AVX512BF16:
      return &probe_avx512;
#endif
    default:
      return NULL;
  }
}
