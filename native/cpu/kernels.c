// SPDX-License-Identifier: Apache-2.0
#include "core/kernels.h"

#include <string.h>

#include "cpu/tiers.h"
#include "rapt/rapt.h"

int rapt_kernels_compiled(int32_t isa) {
#ifdef RAPT_X86_TIERS
  return isa >= RAPT_ISA_PORTABLE && isa <= RAPT_ISA_AVX512BF16;
#else
  return isa == RAPT_ISA_PORTABLE;
#endif
}

int rapt_kernels_fill(int32_t isa, rapt_kernels *table) {
  if (!rapt_kernels_compiled(isa)) return 0;
  memset(table, 0, sizeof *table);
  rapt_overwrite_portable(table);
#ifdef RAPT_X86_TIERS
  if (isa >= RAPT_ISA_AVX2) rapt_overwrite_avx2(table);
  if (isa >= RAPT_ISA_AVX512) rapt_overwrite_avx512(table);
  if (isa >= RAPT_ISA_AVX512BF16) rapt_overwrite_avx512bf16(table);
#endif
  table->isa = isa;
  return 1;
}
