// SPDX-License-Identifier: Apache-2.0
// Projections in integers: input rounded to bytes, block by block, times weights of 8 or 4 bits.
#ifndef RAPT_CPU_LINEAR_INTEGERS_H
#define RAPT_CPU_LINEAR_INTEGERS_H

#include "cpu/linear/linear.h"

static inline rapt_integers rapt_cpu_integers_of(int32_t dtype) {
  return dtype == RAPT_Q8_0 ? RAPT_INTEGERS_Q8_0 : dtype == RAPT_Q4_0 ? RAPT_INTEGERS_Q4_0 : RAPT_INTEGERS_I8;
}

// Bytes of a panel's blocks.
static inline int64_t rapt_cpu_integer_bytes(int32_t dtype, int64_t width, int64_t blocks) {
  int64_t block = rapt_is_blocked(dtype) ? rapt_dtypes[dtype].bytes : RAPT_BLOCK;
  return width * blocks * block;
}

// Fills the panels of a linear on the context's threads. The parameters are checked.
void rapt_cpu_pack_integers(rapt_cpu_context *context, const rapt_linear_parameters *parameters, void *panels);

// Pure; returns 0 where sizes overflow.
int rapt_cpu_plan_integers(const rapt_cpu_context *context, const rapt_product *projection, rapt_cpu_integers *plan);

// Runs what was planned; memory holds plan->scratch bytes.
void rapt_cpu_execute_integers(rapt_cpu_context *context, const rapt_product *projection, const rapt_cpu_integers *plan,
                               void *memory);

#endif
