// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "probe.h"

// Two ports and a latency of 4 or 5 cycles need 8 to 10 sums in flight; 12 leave room in 16 registers.
enum { SUMS = 12, LANES = 8 };

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

static uint64_t read_all(const void *data, size_t bytes) {
  const __m256i *at = data;
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  for (size_t i = 0; i < bytes / sizeof *at; i += 4) {
    a = _mm256_xor_si256(a, at[i]);
    b = _mm256_xor_si256(b, at[i + 1]);
    c = _mm256_xor_si256(c, at[i + 2]);
    d = _mm256_xor_si256(d, at[i + 3]);
  }
  a = _mm256_xor_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(c, d));
  return (uint64_t)_mm256_extract_epi64(a, 0) ^ (uint64_t)_mm256_extract_epi64(a, 3);
}

const probe probe_avx2 = {multiply_add, read_all};
