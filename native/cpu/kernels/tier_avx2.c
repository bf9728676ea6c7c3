// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels/bytes_avx2.h"
#include "cpu/kernels/vec_avx2.h"
// After the vectors.
#include "cpu/kernels/multiply_fixed.h"
#define KERNELS rapt_kernels_avx2
#include "cpu/kernels/tier_template.h"
