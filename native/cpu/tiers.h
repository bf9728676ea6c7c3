// SPDX-License-Identifier: Apache-2.0
// Each tier's hand at the kernel table: it overwrites the entries that it has.
#ifndef RAPT_CPU_TIERS_H
#define RAPT_CPU_TIERS_H

#include "core/kernels.h"

void rapt_overwrite_portable(rapt_kernels *table);
void rapt_overwrite_avx2(rapt_kernels *table);
void rapt_overwrite_avx512(rapt_kernels *table);
void rapt_overwrite_avx512bf16(rapt_kernels *table);

#endif
