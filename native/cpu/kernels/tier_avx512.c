// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels/bytes_avx512.h"
#include "cpu/kernels/vec_avx512.h"
#define KERNELS rapt_kernels_avx512
#include "cpu/kernels/tier_template.h"
