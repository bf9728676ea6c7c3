// SPDX-License-Identifier: Apache-2.0
// Which values decode adds up at once, on tiers that gather by quarters: those of the keys of a tile, one from each
// quarter of them. The order of sums follows from the number of keys alone, not from where their rows are.
#ifndef RAPT_CPU_SDPA_QUARTERS_H
#define RAPT_CPU_SDPA_QUARTERS_H

#include "cpu/kernels/kernels.h"
#include "cpu/sdpa/keys.h"

// The kernel for values of this dtype; NULL on tiers that gather by blocks.
rapt_gather_quarters *rapt_sdpa_quarters_of(const rapt_kernels *kernels, int32_t dtype);

// Adds the values of keys from .. to, read in place. *q has all but keys, apart and values; its weights are those of
// key `from`. What it has is overwritten.
void rapt_sdpa_gather_in_place(rapt_gather_quarters *gather, const rapt_kv_source *source, int64_t from, int64_t to,
                               rapt_quarters *q);

// Adds `count` values that are contiguous floats.
void rapt_sdpa_gather_floats(rapt_gather_quarters *gather, const float *values, int64_t count, rapt_quarters *q);

#endif
