// SPDX-License-Identifier: Apache-2.0
// Large page-aligned buffers, on huge pages where the system gives them.
#ifndef RAPT_BENCH_MEMORY_H
#define RAPT_BENCH_MEMORY_H

#include <stddef.h>

// NULL where the system cannot give that much; the caller reports it. Zeroed, page-aligned.
void *memory_take(size_t bytes);

void memory_give_back(void *data, size_t bytes);

// Writes to every page, so that it is real memory and not the shared zero page.
void memory_touch(void *data, size_t bytes);

#endif
