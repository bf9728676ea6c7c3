// SPDX-License-Identifier: Apache-2.0
#include "cpu/sdpa/strips.h"

#include <string.h>

#include "base/arithmetic.h"

// A piece is copied as so many floats, two instructions: what lies behind it, in the next key's place, is written
// later.
#define COPIED 8
#define LEAST_HEIGHT (COPIED / 2)

int rapt_sdpa_uses_strips(const rapt_kernels *kernels, int64_t panels, int64_t depth) {
  int64_t height = kernels->tile_rows, lowest = depth / rapt_ceil_div(depth, height);
  int fits = height <= COPIED && lowest >= LEAST_HEIGHT && depth >= COPIED;
  return kernels->multiply_strip != NULL && panels >= RAPT_SDPA_STRIP_PANELS && fits;
}

static void copy_pieces(const float *from, int64_t pieces, int64_t height, int64_t strip, float *to) {
  for (int64_t i = 0; i < pieces; i++) memcpy(to + i * strip, from + i * height, COPIED * sizeof(float));
}

void rapt_sdpa_strips_fill(const rapt_kernels *kernels, const float *values, int64_t keys, int64_t depth,
                           float *strips) {
  int64_t count = rapt_ceil_div(depth, kernels->tile_rows), height = rapt_ceil_div(depth, count), low = height - 1;
  int64_t high = depth - count * low, of_high = high * height;
  float *lower = strips + of_high * keys;
  for (int64_t k = 0; k + 1 < keys; k++, values += depth) {
    copy_pieces(values, high, height, keys * height, strips + k * height);
    copy_pieces(values + of_high, count - high, low, keys * low, lower + k * low);
  }
  // Nothing is written behind the last key's.
  for (int64_t d = 0, rows; d < depth; d += rows) {
    rows = d < of_high ? height : low;
    memcpy(strips + d * keys + (keys - 1) * rows, values + d, (size_t)rows * sizeof(float));
  }
}
