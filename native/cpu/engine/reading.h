// SPDX-License-Identifier: Apache-2.0
// The choice between the two ways in which decode's kernels read K and V. No table of CPUs would tell which is faster:
// it is tried out, some ten milliseconds once per process and tier.
#ifndef RAPT_CPU_ENGINE_READING_H
#define RAPT_CPU_ENGINE_READING_H

#include "cpu/kernels/kernels.h"
#include "rapt/rapt.h"

// One way for the products with keys and one for those with values.
typedef struct rapt_readings {
  rapt_reading keys;
  rapt_reading values;
} rapt_readings;

// The way that the environment variable RAPT_READING names ("prefetch" or "streams"), or RAPT_READINGS where it is not
// set or "auto". RAPT_INVALID_ARGUMENT where it names no way.
rapt_status rapt_reading_from_environment(rapt_reading *out, rapt_error *error);

// "prefetch" or "streams".
const char *rapt_reading_name(rapt_reading reading);

// The faster ways for this tier on this machine. The first call tries them; a call meanwhile waits for it. Thread-safe.
// Without memory to try on it is the prefetching way.
rapt_readings rapt_readings_here(const rapt_kernels *kernels);

#endif
