// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "probe.h"

// Two ports and a latency of 4 or 5 cycles need 8 to 10 sums in flight; 12 leave room in 16 registers.
enum { SUMS = 12, LANES = 8, LOADS = 4 };

static double multiply_add(int64_t rounds) {
  __m256 sum[SUMS];
  for (int i = 0; i < SUMS; i++) sum[i] = _mm256_set1_ps(1.0f);
  __m256 half = _mm256_set1_ps(0.5f);
  // Opaque, or the compiler may see that nothing changes and drop the loop.
  __asm__ volatile("" : "+x"(half));
  for (int64_t r = 0; r < rounds; r++) {
#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++) sum[i] = _mm256_fmadd_ps(sum[i], half, half);
  }
  for (int i = 0; i < SUMS; i++) __asm__ volatile("" ::"x"(sum[i]));
  return 2.0 * SUMS * LANES * (double)rounds;
}

static uint64_t read_all(const void *data, size_t bytes, int streams) {
  const __m256i *at[LOADS];
  size_t length = bytes / sizeof **at / (size_t)streams, step = LOADS / (size_t)streams;
  // Neighbours of one stream, or one of each.
  for (size_t i = 0; i < LOADS; i++) at[i] = (const __m256i *)data + i / step * length + i % step;
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (size_t i = 0; i < length; i += step) {
    a = _mm256_xor_si256(a, at[0][i]);
    b = _mm256_xor_si256(b, at[1][i]);
    c = _mm256_xor_si256(c, at[2][i]);
    d = _mm256_xor_si256(d, at[3][i]);
  }
  a = _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
  return (uint64_t)_mm256_extract_epi64(a, 0) ^ (uint64_t)_mm256_extract_epi64(a, 3);
}

const probe probe_avx2 = {multiply_add, read_all};
