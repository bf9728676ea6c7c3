// SPDX-License-Identifier: Apache-2.0
#include "cpu/vec_avx2.h"
#define KERNELS rapt_kernels_avx2
#include "cpu/tier_template.h"
