// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels/kernels.h"

#include <stddef.h>

#include "cpu/kernels/tiers.h"
#include "rapt/rapt.h"

// The table of a tier; for avx512bf16 that of avx512, on which it builds.
static const rapt_kernels *table_of(int32_t isa) {
  switch (isa) {
    case RAPT_ISA_PORTABLE:
      return &rapt_kernels_portable;
#ifdef RAPT_X86_TIERS
    case RAPT_ISA_AVX2:
      return &rapt_kernels_avx2;
    case RAPT_ISA_AVX512:
    case RAPT_ISA_AVX512BF16:
      return &rapt_kernels_avx512;
#endif
    default:
      return NULL;
  }
}

int rapt_kernels_compiled(int32_t isa) { return table_of(isa) != NULL; }

int rapt_kernels_fill(int32_t isa, rapt_kernels *table) {
  if (!rapt_kernels_compiled(isa)) return 0;
  *table = *table_of(isa);
#ifdef RAPT_X86_TIERS
  if (isa == RAPT_ISA_AVX512BF16) {
    for (int reading = 0; reading < RAPT_READINGS; reading++) {
      table->decode[reading].dots_pairs = rapt_pair_kernels_avx512bf16.dots_pairs[reading];
    }
    table->multiply_pairs = rapt_pair_kernels_avx512bf16.multiply_pairs;
    table->multiply_pairs_and_weigh = rapt_pair_kernels_avx512bf16.multiply_pairs_and_weigh;
  }
#endif
  table->isa = isa;
  return 1;
}

void rapt_kernels_use_vnni(rapt_kernels *table) {
#ifdef RAPT_X86_TIERS
  if (table->isa == RAPT_ISA_AVX2) table->integers = rapt_integer_kernels_avxvnni;
  if (table->isa >= RAPT_ISA_AVX512) table->integers = rapt_integer_kernels_avx512vnni;
#else
  (void)table;
#endif
}
