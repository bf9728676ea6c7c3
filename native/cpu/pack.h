// SPDX-License-Identifier: Apache-2.0
// Between rows and panels: V_LANES x V_LANES blocks transposed in registers.
#ifndef RAPT_CPU_PACK_H
#define RAPT_CPU_PACK_H

static void pack(const float *const *rows, int64_t count, int64_t depth, int64_t width, float *out) {
  vf block[V_LANES];
  // width is a multiple of V_LANES or below it. In the second case a store spills into the next k, which the next
  // store then overwrites; only the last one spills for good, into the slack.
  for (int64_t r0 = 0; r0 < width; r0 += V_LANES) {
    for (int64_t k0 = 0; k0 < depth; k0 += V_LANES) {
      int64_t n = depth - k0 < V_LANES ? depth - k0 : V_LANES;
      for (int64_t r = 0; r < V_LANES; r++) {
        if (r0 + r >= count) {
          block[r] = v_set1(0.0f);
        } else {
          const float *from = rows[r0 + r] + k0;
          block[r] = n == V_LANES ? v_load(from) : v_load_n(from, n);
        }
      }
      v_transpose(block);
      for (int64_t k = 0; k < n; k++) v_store(out + (k0 + k) * width + r0, block[k]);
    }
  }
}

static void unpack(const float *panel, int64_t count, int64_t depth, int64_t width, const float *scale,
                   float *const *rows) {
  vf block[V_LANES];
  for (int64_t r0 = 0; r0 < count; r0 += V_LANES) {
    vf factor = scale != 0 ? v_load(scale + r0) : v_set1(1.0f);
    int64_t m = count - r0 < V_LANES ? count - r0 : V_LANES;
    for (int64_t k0 = 0; k0 < depth; k0 += V_LANES) {
      int64_t n = depth - k0 < V_LANES ? depth - k0 : V_LANES;
      for (int64_t k = 0; k < V_LANES; k++) {
        block[k] = k < n ? v_mul(v_load(panel + (k0 + k) * width + r0), factor) : v_set1(0.0f);
      }
      v_transpose(block);
      for (int64_t r = 0; r < m; r++) {
        if (n == V_LANES) {
          v_store(rows[r0 + r] + k0, block[r]);
        } else {
          v_store_n(rows[r0 + r] + k0, block[r], n);
        }
      }
    }
  }
}

#endif
