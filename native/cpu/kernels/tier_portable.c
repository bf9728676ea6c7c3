// SPDX-License-Identifier: Apache-2.0
#include "cpu/kernels/bytes_portable.h"
#include "cpu/kernels/vec_portable.h"
#define KERNELS rapt_kernels_portable
#include "cpu/kernels/tier_template.h"
