// SPDX-License-Identifier: Apache-2.0
// A batch whose samples have sizes of their own, as one parallel run. Each sample is a problem by itself, with the path
// and the tiles that it has alone; the tasks of all samples are numbered one after the other, longest first.
#ifndef RAPT_CPU_SDPA_SAMPLES_H
#define RAPT_CPU_SDPA_SAMPLES_H

#include "cpu/sdpa/sdpa.h"

// Plans such a batch from its totals and greatest lengths; the samples are planned when they are run. Returns 0 where
// sizes overflow.
int rapt_sdpa_plan_samples(const rapt_cpu_context *context, const rapt_sdpa_problem *problem, rapt_cpu_sdpa *plan);

// memory holds plan->scratch bytes.
void rapt_sdpa_run_samples(rapt_cpu_context *context, const rapt_sdpa_problem *problem, const rapt_cpu_sdpa *plan,
                           void *memory);

#endif
