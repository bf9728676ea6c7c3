// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "probe.h"

// Two ports and a latency of 4 or 5 cycles need 8 to 10 sums in flight; 24 leave room in 32 registers.
enum { SUMS = 24, LANES = 16, LOADS = 4 };

static double multiply_add(int64_t rounds) {
  __m512 sum[SUMS];
  for (int i = 0; i < SUMS; i++) sum[i] = _mm512_set1_ps(1.0f);
  __m512 half = _mm512_set1_ps(0.5f);
  // Opaque, or the compiler may see that nothing changes and drop the loop.
  __asm__ volatile("" : "+v"(half));
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 24
    for (int i = 0; i < SUMS; i++) sum[i] = _mm512_fmadd_ps(sum[i], half, half);
  }
  for (int i = 0; i < SUMS; i++) __asm__ volatile("" ::"v"(sum[i]));
  return 2.0 * SUMS * LANES * (double)rounds;
}

static uint64_t read_all(const void *data, size_t bytes, int streams) {
  const __m512i *at[LOADS];
  size_t length = bytes / sizeof **at / (size_t)streams, step = LOADS / (size_t)streams;
  // Neighbours of one stream, or one of each.
  for (size_t i = 0; i < LOADS; i++) at[i] = (const __m512i *)data + i / step * length + i % step;
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (size_t i = 0; i < length; i += step) {
    a = _mm512_xor_si512(a, at[0][i]);
    b = _mm512_xor_si512(b, at[1][i]);
    c = _mm512_xor_si512(c, at[2][i]);
    d = _mm512_xor_si512(d, at[3][i]);
  }
  a = _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d));
  return (uint64_t)_mm512_reduce_or_epi64(a);
}

const probe probe_avx512 = {multiply_add, read_all};
