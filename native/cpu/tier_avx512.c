// SPDX-License-Identifier: Apache-2.0
#include "cpu/vec_avx512.h"
#define OVERWRITE rapt_overwrite_avx512
#include "cpu/tier_template.h"
