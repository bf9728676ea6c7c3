// SPDX-License-Identifier: Apache-2.0
// From a final state to the caller's memory: output, LSE, and the softmax's weights.
#ifndef RAPT_CPU_SDPA_OUTPUT_H
#define RAPT_CPU_SDPA_OUTPUT_H

#include "cpu/sdpa/queries.h"
#include "cpu/sdpa/state.h"

// Writes the results of a final state, whose output it overwrites. For a panel staging has room for width x value_dim
// floats; weights holds the rows' scores where rapt_sdpa_keeps_weights.
void rapt_sdpa_write_results(const rapt_kernels *kernels, const rapt_sdpa_problem *problem,
                             const rapt_sdpa_queries *queries, const rapt_softmax *state, float *staging,
                             float *weights);

#endif
