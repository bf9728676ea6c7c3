// SPDX-License-Identifier: Apache-2.0
#include "cpu/append/quantise.h"

#include <math.h>
#include <string.h>

#include "call/operation.h"

// -128 stays unused, so that both signs reach equally far.
#define LARGEST 127

// The f32 nearest to a 127th of the largest magnitude, or its neighbour where with that the largest element would be
// out of reach: below 2^-126 the nearest f32 may be half of the quotient, or 0, and at the other end a product that is
// half a unit too large is infinite.
static float scale_of(float largest) {
  float nearest = largest / LARGEST;
  if (rint((double)largest / (double)nearest) > LARGEST) return nextafterf(nearest, INFINITY);
  return isfinite(nearest * LARGEST) ? nearest : nextafterf(nearest, 0);
}

float rapt_quantise_group(const rapt_kernels *kernels, const float *from, int64_t count, int8_t *to, int64_t stride) {
  int8_t row[RAPT_MAX_HEAD_DIM], *integers = stride == 1 ? to : row;
  int finite = kernels->all_finite(count, from);
  float largest = finite ? kernels->largest(count, from) : 0, scale = finite ? 0 : NAN;
  if (largest > 0) {
    scale = scale_of(largest);
    kernels->narrow_i8(count, from, scale, integers);
  } else {
    memset(integers, 0, (size_t)count);
  }
  for (int64_t i = 0; i < count && integers != to; i++) to[i * stride] = integers[i];
  return scale;
}
