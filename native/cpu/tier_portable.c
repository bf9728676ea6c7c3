// SPDX-License-Identifier: Apache-2.0
#include "cpu/vec_portable.h"
#define KERNELS rapt_kernels_portable
#include "cpu/tier_template.h"
