// SPDX-License-Identifier: Apache-2.0
// Which keys decode takes at once, on tiers that have kernels for quarters: one from each quarter of them, wherever
// their rows are. Values of a tile are added up so; the order of sums follows from the number of keys alone. Paged keys
// of a pass are multiplied so; their scores do not depend on it.
#ifndef RAPT_CPU_SDPA_QUARTERS_H
#define RAPT_CPU_SDPA_QUARTERS_H

#include "cpu/kernels/kernels.h"
#include "cpu/sdpa/keys.h"

// The kernels for rows of this dtype; NULL on tiers that have none.
rapt_dots_quarters *rapt_sdpa_dots_quarters_of(const rapt_kernels *kernels, int32_t dtype);
rapt_gather_quarters *rapt_sdpa_gather_quarters_of(const rapt_kernels *kernels, int32_t dtype);

// The scores of keys from .. from + RAPT_QUARTERS * apart, read in place. *q has all but keys, count and apart.
void rapt_sdpa_dots_in_place(rapt_dots_quarters *dots, const rapt_kv_source *source, int64_t from, int64_t apart,
                             rapt_key_quarters *q);

// Adds the values of keys from .. to, read in place. *q has all but keys, apart and values; its weights are those of
// key `from`. What it has is overwritten.
void rapt_sdpa_gather_in_place(rapt_gather_quarters *gather, const rapt_kv_source *source, int64_t from, int64_t to,
                               rapt_quarters *q);

// Adds `count` values that are contiguous floats.
void rapt_sdpa_gather_floats(rapt_gather_quarters *gather, const float *values, int64_t count, rapt_quarters *q);

#endif
