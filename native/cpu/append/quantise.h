// SPDX-License-Identifier: Apache-2.0
// Rows of i8 with a scale for each group of neighbours.
#ifndef RAPT_CPU_APPEND_QUANTISE_H
#define RAPT_CPU_APPEND_QUANTISE_H

#include "cpu/kernels/kernels.h"

// Quantises the `count` elements of a group to integers that lie `stride` apart; returns their scale.
float rapt_quantise_group(const rapt_kernels *kernels, const float *from, int64_t count, int8_t *to, int64_t stride);

#endif
