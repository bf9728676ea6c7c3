// SPDX-License-Identifier: Apache-2.0
// The CPU that a figure belongs to.
#ifndef RAPT_BENCH_MACHINE_H
#define RAPT_BENCH_MACHINE_H

#include <stddef.h>

// Bytes of one last-level cache.
size_t last_cache_bytes(void);

// The CPU's name and its caches, a line.
void machine_print(void);

// The same as fields of the JSON object that is open.
void machine_json(void);

#endif
