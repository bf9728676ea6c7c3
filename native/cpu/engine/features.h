// SPDX-License-Identifier: Apache-2.0
// Which tiers this machine can run, and why not where it cannot.
#ifndef RAPT_CPU_ENGINE_FEATURES_H
#define RAPT_CPU_ENGINE_FEATURES_H

#include <stddef.h>

#include "rapt/rapt.h"

// The best usable tier.
int32_t rapt_best_isa(void);

// Turns RAPT_ISA_* into a usable tier: AUTO asks the environment variable RAPT_ISA, then takes the best.
rapt_status rapt_resolve_isa(int32_t requested, int32_t *isa, rapt_error *error);

// Whether this CPU, which can run the tier, also has VNNI instructions of the tier's width.
int rapt_isa_has_vnni(int32_t isa);

// The CPU's own name, or "unknown"; always terminated.
void rapt_cpu_name(char *out, size_t size);

// CPUs that this process may keep busy, at least 1: those of its affinity mask, or fewer where a quota of its control
// groups allows fewer. root as for rapt_quota_cpus.
int32_t rapt_logical_cpus(const char *root);

#endif
