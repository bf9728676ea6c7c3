// SPDX-License-Identifier: Apache-2.0
// Between rows and panels: V_LANES x V_LANES blocks transposed in registers.
#ifndef RAPT_CPU_KERNELS_PACK_H
#define RAPT_CPU_KERNELS_PACK_H

#include "cpu/kernels/tile.h"

// Transposes elements k0 .. k0 + n of up to V_LANES rows to out. full, a constant at every call, says that there are
// V_LANES rows of V_LANES floats, so that the block stays in registers.
ALWAYS_INLINE void pack_block(const int full, const float *const *rows, int64_t count, int64_t k0, int64_t n,
                              int64_t width, float *out) {
  vf block[V_LANES];
#pragma GCC unroll 16
  for (int64_t r = 0; r < V_LANES; r++) {
    if (full) {
      block[r] = v_load(rows[r] + k0);
    } else if (r >= count) {
      block[r] = v_set1(0.0f);
    } else {
      block[r] = n == V_LANES ? v_load(rows[r] + k0) : v_load_n(rows[r] + k0, n);
    }
  }
  v_transpose(block);
  if (full) {
#pragma GCC unroll 16
    for (int64_t k = 0; k < V_LANES; k++) v_store(out + k * width, block[k]);
  } else {
    for (int64_t k = 0; k < n; k++) v_store(out + k * width, block[k]);
  }
}

static void pack(const float *const *rows, int64_t count, int64_t depth, int64_t width, float *out) {
  // width is a multiple of V_LANES or below it. In the second case a store writes beyond its k, and the store for the
  // next k overwrites that; the last store writes into the slack.
  for (int64_t r0 = 0; r0 < width; r0 += V_LANES) {
    for (int64_t k0 = 0; k0 < depth; k0 += V_LANES) {
      int64_t n = depth - k0 < V_LANES ? depth - k0 : V_LANES;
      if (n == V_LANES && count - r0 >= V_LANES) {
        pack_block(1, rows + r0, V_LANES, k0, n, width, out + k0 * width + r0);
      } else {
        pack_block(0, rows + r0, count - r0, k0, n, width, out + k0 * width + r0);
      }
    }
  }
}

ALWAYS_INLINE void unpack_block(const int full, const float *panel, int64_t count, int64_t n, int64_t width, vf factor,
                                float *const *rows, int64_t k0) {
  vf block[V_LANES];
#pragma GCC unroll 16
  for (int64_t k = 0; k < V_LANES; k++) {
    block[k] = full || k < n ? v_mul(v_load(panel + k * width), factor) : v_set1(0.0f);
  }
  v_transpose(block);
  if (full) {
#pragma GCC unroll 16
    for (int64_t r = 0; r < V_LANES; r++) v_store(rows[r] + k0, block[r]);
  } else {
    for (int64_t r = 0; r < count; r++) v_store_n(rows[r] + k0, block[r], n);
  }
}

static void unpack(const float *panel, int64_t count, int64_t depth, int64_t width, const float *scale,
                   float *const *rows) {
  for (int64_t r0 = 0; r0 < count; r0 += V_LANES) {
    vf factor = scale != NULL ? v_load(scale + r0) : v_set1(1.0f);
    int64_t m = count - r0 < V_LANES ? count - r0 : V_LANES;
    for (int64_t k0 = 0; k0 < depth; k0 += V_LANES) {
      int64_t n = depth - k0 < V_LANES ? depth - k0 : V_LANES;
      if (n == V_LANES && m == V_LANES) {
        unpack_block(1, panel + k0 * width + r0, m, n, width, factor, rows + r0, k0);
      } else {
        unpack_block(0, panel + k0 * width + r0, m, n, width, factor, rows + r0, k0);
      }
    }
  }
}

#endif
