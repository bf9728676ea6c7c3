// SPDX-License-Identifier: Apache-2.0
// The kernels that AVX512-BF16 adds. This file does not instantiate the templates again: every other entry stays the
// AVX-512 tier's own function, and so gives its bits.
#include "cpu/kernels/kernels.h"
#include "cpu/kernels/tiers.h"
#include "cpu/kernels/vec_avx512.h"

// sum + a's first bf16 * b's first + a's second * b's second in every 32-bit lane: as two FMAs, with denormals as 0.
static inline vf v_add_pair_products(vf a, vf b, vf sum) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }

#define ADD_PRODUCT v_add_pair_products
#include "cpu/kernels/dots_pairs.h"
#include "cpu/kernels/multiply.h"

const rapt_pair_kernels rapt_pair_kernels_avx512bf16 = {.dots_pairs = {dots_pairs_prefetch, dots_pairs_streams},
                                                        .multiply_pairs = multiply,
                                                        .multiply_pairs_and_weigh = multiply_and_weigh};
