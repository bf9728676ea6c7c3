// SPDX-License-Identifier: Apache-2.0
// A tile's values in strips, for the product with many panels of weights. A strip has as many neighbouring elements of
// each value as the register tile has rows, [key][height]; where the depth is no multiple of that, the last strips are
// lower by one. The product reads a strip in order, where a column of the values as they lie has a line for every key.
// What is summed, and in which order, is the same.
#ifndef RAPT_CPU_SDPA_STRIPS_H
#define RAPT_CPU_SDPA_STRIPS_H

#include "cpu/kernels/kernels.h"

// Panels that have to see a tile, so that copying its values pays.
#define RAPT_SDPA_STRIP_PANELS 8

// Whether tasks of so many panels use strips of values of this depth.
int rapt_sdpa_uses_strips(const rapt_kernels *kernels, int64_t panels, int64_t depth);

// Copies values, [keys][depth], to as many floats.
void rapt_sdpa_strips_fill(const rapt_kernels *kernels, const float *values, int64_t keys, int64_t depth,
                           float *strips);

// The strip that begins with element d of the values, from key k of `keys` on, and its height.
static inline const float *rapt_sdpa_strip_at(const float *strips, int64_t keys, int64_t d, int64_t k, int64_t height) {
  return strips + d * keys + k * height;
}

#endif
