// SPDX-License-Identifier: Apache-2.0
// The CPU that a figure belongs to.
#ifndef RAPT_BENCH_MACHINE_H
#define RAPT_BENCH_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "device.h"

// Bytes of one last-level cache of the CPU or, where `on` is a GPU, no less than a GPU's second level has.
size_t last_cache_bytes(const device *on);

// Bytes that no cache of the CPU holds: four times the last one, from 256 MiB to 1 GiB.
size_t memory_beyond_caches(void);

// The CPUs this process may run on: more threads than that reach no higher, and only queue up.
int32_t usable_cpus(void);

// The CPU's name and its caches, a line.
void machine_print(void);

// The same as fields of the JSON object that is open.
void machine_json(void);

#endif
