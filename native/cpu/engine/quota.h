// SPDX-License-Identifier: Apache-2.0
// How much CPU time the process's control groups allow: what limits a container, whose affinity mask names all CPUs.
#ifndef RAPT_CPU_ENGINE_QUOTA_H
#define RAPT_CPU_ENGINE_QUOTA_H

#include <stdint.h>

// CPUs that the quotas of this process's control group and of those above it are worth, the least of them and rounded
// up; 0 where there is no quota, or none that can be read. Reads files under `root`, "" for those of the machine.
int32_t rapt_quota_cpus(const char *root);

#endif
