// SPDX-License-Identifier: Apache-2.0
// Integer products by AVX-VNNI, for the AVX2 tier of CPUs that have it; its results have the same bits without.
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/tiers.h"
#include "cpu/kernels/vec_avx2.h"

#define VNNI_DOT _mm256_dpbusd_avx_epi32
#define VNNI_ALL _mm256_set1_epi32
#define VNNI_AND _mm256_and_si256
#define VNNI_SHIFT _mm256_srli_epi16
#define VNNI_FLOAT _mm256_cvtepi32_ps
// Eight weights of one vector and what comes and goes fit 16 registers.
#define INTEGER_VECTORS 1
typedef __m256i vi;
#include "cpu/kernels/bytes_vnni.h"
#include "cpu/kernels/integers.h"

const rapt_integer_kernels rapt_integer_kernels_avxvnni = {.multiply = INTEGER_KERNELS, .is_vnni = 1};
