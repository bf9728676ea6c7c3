// SPDX-License-Identifier: Apache-2.0
// Integer products by AVX512-VNNI, for the AVX-512 tiers of CPUs that have it; their results have the same bits
// without.
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/tiers.h"
#include "cpu/kernels/vec_avx512.h"

#define VNNI_DOT _mm512_dpbusd_epi32
#define VNNI_ALL _mm512_set1_epi32
#define VNNI_AND _mm512_and_si512
#define VNNI_SHIFT _mm512_srli_epi16
#define VNNI_FLOAT _mm512_cvtepi32_ps
// Two of them, their 16 weights and what comes and goes fit 32 registers.
#define INTEGER_VECTORS 2
typedef __m512i vi;
#include "cpu/kernels/bytes_vnni.h"
#include "cpu/kernels/integers.h"

const rapt_integer_kernels rapt_integer_kernels_avx512vnni = {.multiply = INTEGER_KERNELS, .is_vnni = 1};
