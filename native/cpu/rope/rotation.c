// SPDX-License-Identifier: Apache-2.0
#include "cpu/rope/rotation.h"

#include <string.h>

#include "call/operation.h"

rapt_rotation rapt_rotation_of(const rapt_kernels *kernels, int interleaved, int64_t depth, int64_t rotary_dim,
                               const rapt_tensor *from, const rapt_tensor *to) {
  int64_t size = rapt_element_size(to->dtype);
  return (rapt_rotation){.kernels = kernels,
                         .interleaved = interleaved,
                         .depth = depth,
                         .rotary_dim = rotary_dim,
                         .from_dtype = from->dtype,
                         .to_dtype = to->dtype,
                         .from_stride = from->stride[3],
                         .to_stride = to->stride[3],
                         .direct = from->dtype == to->dtype && from->stride[3] == 1 && to->stride[3] == 1,
                         .rotated_bytes = (size_t)(rotary_dim * size),
                         .copied_bytes = (size_t)((depth - rotary_dim) * size)};
}

void rapt_rotate_staged(const rapt_rotation *r, const float *cosine, const float *sine, const void *from, void *to) {
  float row[RAPT_MAX_HEAD_DIM];
  // In place the elements behind the pairs already are where they belong.
  int64_t rotary = r->rotary_dim, count = from == to ? rotary : r->depth;
  const float *read = rapt_read_row(r->kernels, r->from_dtype, from, r->from_stride, count, row);
  r->kernels->rotate(rotary / 2, r->interleaved, cosine, sine, read, row);
  if (read != row) memcpy(row + rotary, read + rotary, (size_t)(count - rotary) * sizeof(float));
  rapt_write_row(r->kernels, row, count, r->to_dtype, to, r->to_stride);
}
