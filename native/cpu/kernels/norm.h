// SPDX-License-Identifier: Apache-2.0
// Layer normalisation of a row.
#ifndef RAPT_CPU_KERNELS_NORM_H
#define RAPT_CPU_KERNELS_NORM_H

#include <math.h>
#include <stddef.h>

// Features that are added in f32, on four vectors in turn; a constant, because it decides on the order of the sums.
// Where there are more, these sums go on in double.
#define NORM_BLOCK 1024

// Adds the residual, if there is one, and returns the sum of the results.
static double norm_add(int64_t count, const float *from, const float *residual, float *to) {
  double total = 0;
  int64_t i = 0;
  while (i + V_LANES <= count) {
    vf sum[4] = {v_set1(0.0f), v_set1(0.0f), v_set1(0.0f), v_set1(0.0f)};
    int64_t end = count - i < NORM_BLOCK ? count : i + NORM_BLOCK;
    for (int turn = 0; i + V_LANES <= end; i += V_LANES, turn++) {
      vf s = v_load(from + i);
      if (residual != NULL) s = v_add(s, v_load(residual + i));
      v_store(to + i, s);
      sum[turn % 4] = v_add(sum[turn % 4], s);
    }
    total += (double)v_sum(v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3])));
  }
  for (; i < count; i++) {
    to[i] = residual != NULL ? from[i] + residual[i] : from[i];
    total += (double)to[i];
  }
  return total;
}

// Sums of the differences from `middle`, and of their squares.
static void norm_moments(int64_t count, const float *row, float middle, double *first, double *second) {
  vf m = v_set1(middle);
  int64_t i = 0;
  *first = *second = 0;
  while (i + V_LANES <= count) {
    vf sum[4] = {v_set1(0.0f), v_set1(0.0f), v_set1(0.0f), v_set1(0.0f)}, square[4] = {sum[0], sum[0], sum[0], sum[0]};
    int64_t end = count - i < NORM_BLOCK ? count : i + NORM_BLOCK;
    for (int turn = 0; i + V_LANES <= end; i += V_LANES, turn++) {
      vf d = v_sub(v_load(row + i), m);
      sum[turn % 4] = v_add(sum[turn % 4], d);
      square[turn % 4] = v_fma(d, d, square[turn % 4]);
    }
    *first += (double)v_sum(v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3])));
    *second += (double)v_sum(v_add(v_add(square[0], square[1]), v_add(square[2], square[3])));
  }
  for (; i < count; i++) {
    float d = row[i] - middle;
    *first += (double)d;
    *second += (double)d * (double)d;
  }
}

// The first mean is off by the roundings of a sum of the features themselves, which may all be large and alike. The
// mean of the differences from it corrects that, and the variance with it.
static void norm(int64_t count, const float *from, const float *residual, const float *weight, const float *bias,
                 float epsilon, float *to) {
  float middle = (float)(norm_add(count, from, residual, to) / (double)count);
  double first, second;
  norm_moments(count, to, middle, &first, &second);
  first /= (double)count;
  float rest = (float)first;
  float scale = (float)(1 / sqrt(second / (double)count - first * first + (double)epsilon));
  vf m = v_set1(middle), r = v_set1(rest), factor = v_set1(scale);
  int64_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) {
    vf n = v_mul(v_sub(v_sub(v_load(to + i), m), r), factor);
    v_store(to + i, v_fma(n, v_load(weight + i), bias != NULL ? v_load(bias + i) : v_set1(0.0f)));
  }
  if (i == count) return;
  vf n = v_mul(v_sub(v_sub(v_load_n(to + i, count - i), m), r), factor);
  v_store_n(to + i,
            v_fma(n, v_load_n(weight + i, count - i), bias != NULL ? v_load_n(bias + i, count - i) : v_set1(0.0f)),
            count - i);
}

#endif
