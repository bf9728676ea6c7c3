// SPDX-License-Identifier: Apache-2.0
// What VNNI and BF16 add to AVX-512. Not another instance of the templates: every entry that is not set here stays the
// AVX-512 tier's own function, and so gives its bits.
#include "cpu/tiers.h"

void rapt_overwrite_avx512bf16(rapt_kernels *table) { (void)table; }
