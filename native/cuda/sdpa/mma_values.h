// SPDX-License-Identifier: Apache-2.0
// output += weights . values on tensor cores, which add up the keys of a tile. The weights stay in the registers of the
// scores: the layout of a result is that of a left operand.
#ifndef RAPT_CUDA_SDPA_MMA_VALUES_H
#define RAPT_CUDA_SDPA_MMA_VALUES_H

#include "cuda/gpu/mma_tile.h"
#include "cuda/sdpa/state.h"

namespace kernels {

// What weights, relative to their row's maximum, are multiplied by before they are rounded to T; the output is to be
// divided by it. Among very many keys, those that weigh less than the smallest f16, 2^-24, may together weigh more than
// the rest: f16 has room above 1 that brings them in down to 2^-39. bf16 reaches as far down as f32.
template <typename T>
constexpr float weight_unit = 1;
template <>
constexpr float weight_unit<gpu::f16> = 32768;

// Adds keys first .. first + 8 PARTS of the tile.
template <typename T, int DIM, int MT, int PARTS, int OUTPUTS>
GPU_FUNCTION void multiply_values(T *values, int first, const float (&weight)[MT][PARTS][4],
                                  float (&output)[MT][OUTPUTS][4]) {
  static_assert(OUTPUTS * 8 == DIM && PARTS % 2 == 0, "whole steps of 16");
  constexpr int steps = PARTS / 2;
  int lane = gpu::thread_anew() % gpu::warp_size;
  uint32_t a[steps][MT][4];
  GPU_UNROLL
  for (int k = 0; k < steps; k++) {
    GPU_UNROLL
    for (int t = 0; t < MT; t++) {
      const float(&low)[4] = weight[t][2 * k], (&high)[4] = weight[t][2 * k + 1];
      constexpr float unit = weight_unit<T>;
      a[k][t][0] = gpu::pack<T>(low[0] * unit, low[1] * unit);
      a[k][t][1] = gpu::pack<T>(low[2] * unit, low[3] * unit);
      a[k][t][2] = gpu::pack<T>(high[0] * unit, high[1] * unit);
      a[k][t][3] = gpu::pack<T>(high[2] * unit, high[3] * unit);
    }
  }
  GPU_UNROLL
  for (int n = 0; n < OUTPUTS / 2; n++) {
    float part[MT][2][4] = {};
    GPU_UNROLL
    for (int k = 0; k < steps; k++) {
      uint32_t b[4];
      load_right_columns<T, DIM>(values, first, 16 * k, n, b, lane);
      GPU_UNROLL
      for (int t = 0; t < MT; t++) {
        gpu::multiply<T>(part[t][0], a[k][t], b[0], b[1]);
        gpu::multiply<T>(part[t][1], a[k][t], b[2], b[3]);
      }
    }
    GPU_UNROLL
    for (int t = 0; t < MT; t++) {
      GPU_UNROLL
      for (int i = 0; i < 8; i++) output[t][2 * n + i / 4][i % 4] += part[t][i / 4][i % 4];
    }
  }
}

// Whether any value of this thread's share of a tile, that of thread `index` of `count`, is infinite or NaN.
template <typename T, int LINES, int DIM>
GPU_FUNCTION bool sees_infinite(const T *values, int index, int count) {
  const uint32_t *pairs = reinterpret_cast<const uint32_t *>(values);
  bool found = false;
  for (int i = index; i < LINES * DIM / 2; i += count) found = found || any_infinite<T>(pairs[i]);
  return found;
}

// Puts 0 in place of infinities and NaNs in this thread's share of a tile.
template <typename T, int LINES, int DIM>
GPU_FUNCTION void remove_infinite(T *values, int index, int count) {
  uint32_t *pairs = reinterpret_cast<uint32_t *>(values);
  GPU_ROLL
  for (int i = index; i < LINES * DIM / 2; i += count) pairs[i] = finite_only<T>(pairs[i]);
}

// For each key of a row, whether it is hidden and whether its weight is above 0: bit k for key k.
struct key_bits {
  uint32_t hidden[2];
  uint32_t positive[2];
};

template <int PARTS>
GPU_FUNCTION key_bits bits_of_row(const float (&weight)[PARTS][4], int half) {
  key_bits bits = {};
  GPU_UNROLL
  for (int n = 0; n < PARTS; n++) {
    GPU_UNROLL
    for (int i = 0; i < 2; i++) {
      float w = weight[n][half * 2 + i];
      uint32_t bit = 1u << ((n % 4) * 8 + result_column() + i);
      if (is_hidden(w)) bits.hidden[n / 4] |= bit;
      if (w > 0) bits.positive[n / 4] |= bit;
    }
  }
  GPU_UNROLL
  for (int word = 0; word < 2; word++) {
    GPU_UNROLL
    for (int mask = 1; mask < 4; mask *= 2) {
      bits.hidden[word] |= gpu::shuffle_xor(bits.hidden[word], mask);
      bits.positive[word] |= gpu::shuffle_xor(bits.positive[word], mask);
    }
  }
  return bits;
}

// Adds the products with infinities and NaNs, for the rows that see their keys.
template <typename T, int DIM, int MT, int PARTS, int OUTPUTS>
GPU_FUNCTION void add_infinite(T *values, int first, const float (&weight)[MT][PARTS][4],
                               float (&output)[MT][OUTPUTS][4]) {
  key_bits bits[MT][2];
  GPU_UNROLL
  for (int t = 0; t < MT; t++) {
    GPU_UNROLL
    for (int half = 0; half < 2; half++) bits[t][half] = bits_of_row(weight[t], half);
  }
  // Not unrolled: this is rare, and must not take registers from the common path.
  GPU_ROLL
  for (int k = 0; k < PARTS * 8; k++) {
    uint32_t bit = 1u << (k % 32);
    GPU_UNROLL
    for (int n = 0; n < OUTPUTS; n++) {
      const T *pair = piece_of<T, DIM>(values, first + k, n) + result_column();
      GPU_UNROLL
      for (int i = 0; i < 2; i++) {
        float v = gpu::to_float(pair[i]);
        if (v - v == 0) continue;
        GPU_UNROLL
        for (int t = 0; t < MT; t++) {
          GPU_UNROLL
          for (int half = 0; half < 2; half++) {
            const key_bits &row = bits[t][half];
            if (((k >= 32 ? row.hidden[1] : row.hidden[0]) & bit) != 0) continue;
            bool positive = ((k >= 32 ? row.positive[1] : row.positive[0]) & bit) != 0;
            output[t][n][half * 2 + i] += positive ? v : v * 0.0f;
          }
        }
      }
    }
  }
}

}  // namespace kernels

#endif
