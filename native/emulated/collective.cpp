// SPDX-License-Identifier: Apache-2.0
// Warp collectives with the register layouts of the PTX manual: a lane is group = lane / 4 and pair = lane % 4. How a
// tensor core rounds is not in it: sums are rounded once or, where RAPT_EMULATED_TENSOR is "truncate", cut off.
#include "emulated/collective.h"

#include <stdlib.h>

#include "emulated/host.h"

namespace gpu {

namespace {

// Two neighbouring numbers in one register.
template <typename T>
void unpack(uint32_t packed, float *low, float *high) {
  *low = to_float(T{static_cast<uint16_t>(packed)});
  *high = to_float(T{static_cast<uint16_t>(packed >> 16)});
}

// Lanes 8 i .. 8 i + 7 name the rows of matrix i, 8 numbers each. Register i of a lane is the pair at row `group`,
// columns 2 pair and 2 pair + 1; transposed, the pair at column `group`, rows 2 pair and 2 pair + 1.
void load(warp_request *const (&requests)[32], bool transposed) {
  uint16_t matrices[4][8][8];
  for (int lane = 0; lane < 32; lane++) memcpy(matrices[lane / 8][lane % 8], requests[lane]->row, 16);
  for (int lane = 0; lane < 32; lane++) {
    int group = lane / 4, pair = 2 * (lane % 4);
    for (int i = 0; i < 4; i++) {
      uint32_t low = transposed ? matrices[i][pair][group] : matrices[i][group][pair];
      uint32_t high = transposed ? matrices[i][pair + 1][group] : matrices[i][group][pair + 1];
      requests[lane]->registers[i] = high << 16 | low;
    }
  }
}

bool unit_truncates() {
  static const bool answer = [] {
    const char *text = getenv("RAPT_EMULATED_TENSOR");
    return text != nullptr && strcmp(text, "truncate") == 0;
  }();
  return answer;
}

// A power of two that a double has.
double power_of_two(int exponent) {
  uint64_t bits = static_cast<uint64_t>(exponent + 1023) << 52;
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// The exponent of the largest magnitude; a number beyond all exponents where one is not finite, and below them where
// all are 0.
int largest_exponent(const double *terms, int count) {
  int most = -2000;
  for (int i = 0; i < count; i++) {
    uint64_t bits;
    memcpy(&bits, &terms[i], sizeof bits);
    int exponent = static_cast<int>(bits >> 52 & 0x7ff) - 1023;
    if (terms[i] != 0 && exponent > most) most = exponent;
  }
  return most;
}

// A sum as tensor cores have been seen to take it: all terms are shifted to the largest one's exponent, what then lies
// below 25 bits is cut off, and the sum is cut off to f32. See Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior
// of NVIDIA tensor cores" (2021).
float truncated_sum(const double *terms, int count) {
  constexpr int bits_kept = 25;
  int most = largest_exponent(terms, count);
  double sum = 0;
  if (most > 127 || most == -2000) {
    for (int i = 0; i < count; i++) sum += terms[i];
    return static_cast<float>(sum);
  }
  double to_units = power_of_two(bits_kept - 1 - most), unit = power_of_two(most - bits_kept + 1);
  int64_t units = 0;
  for (int i = 0; i < count; i++) units += static_cast<int64_t>(terms[i] * to_units);
  sum = static_cast<double>(units) * unit;
  float nearest = static_cast<float>(sum);
  return fabs(static_cast<double>(nearest)) > fabs(sum) ? nextafterf(nearest, 0.0f) : nearest;
}

// d + a . b of 16 terms.
float dot(float d, const float *a, const float (&b)[16][8], int column) {
  if (unit_truncates()) {
    // In two passes of 8 products and what has been summed before.
    for (int pass = 0; pass < 2; pass++) {
      double terms[9] = {static_cast<double>(d)};
      for (int k = 0; k < 8; k++) terms[k + 1] = static_cast<double>(a[8 * pass + k] * b[8 * pass + k][column]);
      d = truncated_sum(terms, 9);
    }
    return d;
  }
  // Rounded about once.
  double sum = static_cast<double>(d);
  for (int k = 0; k < 16; k++) sum += static_cast<double>(a[k] * b[k][column]);
  return static_cast<float>(sum);
}

// d (16 x 8) += a (16 x 16) . b (16 x 8). Products of 16-bit numbers are exact in f32.
template <typename T>
void multiply_add(warp_request *const (&requests)[32]) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < 32; lane++) {
    int group = lane / 4, pair = 2 * (lane % 4);
    for (int i = 0; i < 4; i++) {
      int row = group + (i & 1) * 8, column = pair + (i >> 1) * 8;
      unpack<T>(requests[lane]->a[i], &a[row][column], &a[row][column + 1]);
    }
    for (int i = 0; i < 2; i++) {
      int row = pair + i * 8;
      unpack<T>(requests[lane]->b[i], &b[row][group], &b[row + 1][group]);
    }
  }
  for (int lane = 0; lane < 32; lane++) {
    int group = lane / 4, pair = 2 * (lane % 4);
    for (int i = 0; i < 4; i++) {
      int row = group + (i >> 1) * 8, column = pair + (i & 1);
      requests[lane]->d[i] = dot(requests[lane]->d[i], a[row], b, column);
    }
  }
}

void exchange(warp_request *const (&requests)[32]) {
  uint32_t values[32];
  for (int lane = 0; lane < 32; lane++) values[lane] = requests[lane]->value;
  for (int lane = 0; lane < 32; lane++) {
    int from = requests[lane]->from;
    if (from < 0 || from > 31) host_fail("a shuffle from a lane that does not exist");
    requests[lane]->value = values[from];
  }
}

}  // namespace

void carry_out(warp_request *const (&requests)[32]) {
  for (int lane = 1; lane < 32; lane++) {
    if (requests[lane]->operation != requests[0]->operation) host_fail("threads of a warp at different collectives");
  }
  switch (requests[0]->operation) {
    case warp_operation::barrier:
      return;
    case warp_operation::shuffle:
      return exchange(requests);
    case warp_operation::load:
      return load(requests, false);
    case warp_operation::load_transposed:
      return load(requests, true);
    case warp_operation::multiply_f16:
      return multiply_add<f16>(requests);
    case warp_operation::multiply_bf16:
      return multiply_add<bf16>(requests);
  }
}

void check_row(const void *row) {
  if ((reinterpret_cast<uintptr_t>(row) & 15) != 0) host_fail("a matrix row not aligned to 16 bytes");
}

void multiply_as(warp_operation type, float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  warp_request request = {};
  request.operation = type;
  bool f16 = type == warp_operation::multiply_f16;
  // Two of the fragments change places.
  const uint32_t swapped[4] = {a[0], a[2], a[1], a[3]};
  request.a = is_broken(f16 ? broken_word::multiply_f16 : broken_word::multiply_bf16) ? swapped : a;
  request.b[0] = b0;
  request.b[1] = b1;
  request.d = d;
  warp_collective(&request);
}

}  // namespace gpu
