// SPDX-License-Identifier: Apache-2.0
// What each tier's translation unit exports: a table of constants, and no function. Everything else in such a unit is
// compiled for that tier and is reached through its table alone, after the tier was detected; the test tier_units looks
// at the objects for it.
#ifndef RAPT_CPU_KERNELS_TIERS_H
#define RAPT_CPU_KERNELS_TIERS_H

#include "cpu/kernels/kernels.h"

// The entries of rapt_kernels that multiply pairs of bf16.
typedef struct rapt_pair_kernels {
  rapt_dots *dots_pairs[RAPT_READINGS];
  rapt_multiply *multiply_pairs;
  rapt_multiply_and_weigh *multiply_pairs_and_weigh;
} rapt_pair_kernels;

extern const rapt_kernels rapt_kernels_portable;
extern const rapt_kernels rapt_kernels_avx2;
extern const rapt_kernels rapt_kernels_avx512;
extern const rapt_pair_kernels rapt_pair_kernels_avx512bf16;
extern const rapt_integer_kernels rapt_integer_kernels_avxvnni;
extern const rapt_integer_kernels rapt_integer_kernels_avx512vnni;

#endif
