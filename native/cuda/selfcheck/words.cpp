// SPDX-License-Identifier: Apache-2.0
#include "cuda/selfcheck/words.h"

#include <cstdio>

#include "cuda/selfcheck/numbers.h"

namespace {

using words = std::vector<uint32_t>;

// The size of what a word takes and gives.
struct extent {
  size_t in;
  size_t out;
};

constexpr size_t halves = 0x10000;
constexpr size_t exponents = 2048;

constexpr extent extents[RAPT_CUDA_WORDS] = {{64, 128},
                                             {64, 192},
                                             {128, 128},
                                             {128, 128},
                                             {192, 128},
                                             {192, 128},
                                             {128, 256},
                                             {exponents, exponents},
                                             {halves, 3 * halves},
                                             {halves, 3 * halves},
                                             {64, 32}};

float value_of(bool f16, uint32_t bits) {
  uint16_t half = static_cast<uint16_t>(bits);
  return f16 ? rapt_cuda_decode_f16(half) : rapt_cuda_float_of(static_cast<uint32_t>(half) << 16);
}

// Numbers of the type beside which there is a next one.
bool has_next(bool f16, uint32_t bits) { return (bits & 0x7fff) < (f16 ? 0x7bffu : 0x7f7fu); }

float halfway(bool f16, uint32_t bits) {
  float x = value_of(f16, bits);
  return has_next(f16, bits) ? x + (value_of(f16, bits + 1) - x) / 2 : x;
}

// Elements of the small matrices of the products: integers, so that every product and sum is exact, without a pattern
// that another layout has too.
int element(uint32_t index) {
  uint64_t z = (index + 1) * 0x9e3779b97f4a7c15u;
  return static_cast<int>((z ^ (z >> 29)) * 0xbf58476d1ce4e5b9u >> 33) % 8 * ((z >> 40 & 1) != 0 ? 1 : -1);
}

// What out[i] of a word should be, where it is one number.
uint32_t expected(int word, const words &in, uint32_t i) {
  uint32_t lane = i / 4, r = i % 4, t = i % 64;
  switch (word) {
    case RAPT_CUDA_WORD_SHUFFLE:
      return i < 64 ? in[(t & 32) + 31 - (t & 31)] : in[t ^ 5];
    case RAPT_CUDA_WORD_BARRIER:
      return i < 64 ? in[63 - t] : i < 128 ? 1 : in[t ^ 1] + 1;
    case RAPT_CUDA_WORD_LOAD: {
      // Row lane / 4, columns 2 (lane % 4) and the next of matrix r.
      uint32_t low = 64 * r + 8 * (lane / 4) + 2 * (lane % 4);
      return low | (low + 1) << 16;
    }
    case RAPT_CUDA_WORD_LOAD_TRANSPOSED: {
      uint32_t up = 64 * r + 8 * (2 * (lane % 4)) + lane / 4;
      return up | (up + 8) << 16;
    }
    case RAPT_CUDA_WORD_MULTIPLY_F16:
    case RAPT_CUDA_WORD_MULTIPLY_BF16: {
      float sum = 0.5f;
      for (uint32_t k = 0; k < 16; k++) {
        sum += static_cast<float>(element(i / 8 * 16 + k) * element(256 + i % 8 * 16 + k));
      }
      return rapt_cuda_bits_of(sum);
    }
    case RAPT_CUDA_WORD_COPY:
      if (i >= 128) return in[(i + 4) % 128];
      return lane % 4 != 0 ? in[i] : 0;
    default:
      // The product is rounded before what it equals is taken away.
      return 0;
  }
}

rapt_cuda_complaint wrong(size_t at, double got, double instead) {
  char text[128];
  snprintf(text, sizeof text, "result %zu is %.9g instead of %.9g", at, got, instead);
  return text;
}

rapt_cuda_complaint judge_exponential(const words &in, const words &out) {
  for (size_t i = 0; i < out.size(); i++) {
    double x = static_cast<double>(rapt_cuda_float_of(in[i])), right = exp2(x);
    double got = static_cast<double>(rapt_cuda_float_of(out[i]));
    // The PTX manual promises 2^-22 for ex2.approx; below the normal numbers it may be 0.
    if (!(fabs(got - right) <= 0x1p-21 * right + 0x1p-126)) return wrong(i, got, right);
  }
  return "";
}

rapt_cuda_complaint judge_conversions(bool f16, const words &out) {
  for (uint32_t i = 0; i < halves; i++) {
    float x = value_of(f16, i), got = rapt_cuda_float_of(out[3 * i]);
    uint32_t back = out[3 * i + 1] & 0xffff, rounded = out[3 * i + 1] >> 16;
    if (x != x) {
      if (got == got || value_of(f16, back) == value_of(f16, back)) return wrong(i, static_cast<double>(got), NAN);
      continue;
    }
    // Halfway to the next number: to the even one.
    uint32_t even = has_next(f16, i) ? i + (i & 1) : i;
    double exact = static_cast<double>(x);
    if (rapt_cuda_bits_of(got) != rapt_cuda_bits_of(x)) return wrong(i, static_cast<double>(got), exact);
    if (back != i) return wrong(i, back, i);
    if (rounded != even) return wrong(i, rounded, even);
    if (out[3 * i + 2] != (even << 16 | i)) return wrong(i, out[3 * i + 2], even << 16 | i);
  }
  return "";
}

}  // namespace

const char *rapt_cuda_word_name(int word) {
  static const char *const names[RAPT_CUDA_WORDS] = {
      "shuffle",  "barrier and vote", "ldmatrix",          "ldmatrix.trans",     "mma f16",        "mma bf16",
      "cp.async", "ex2.approx",       "conversion of f16", "conversion of bf16", "rounded product"};
  return names[word];
}

words rapt_cuda_word_inputs(int word) {
  words in(extents[word].in);
  bool f16 = word == RAPT_CUDA_WORD_F16 || word == RAPT_CUDA_WORD_MULTIPLY_F16;
  for (uint32_t i = 0; i < in.size(); i++) {
    switch (word) {
      case RAPT_CUDA_WORD_LOAD:
      case RAPT_CUDA_WORD_LOAD_TRANSPOSED:
        // Line l, number c is 8 l + c.
        in[i] = 2 * i | (2 * i + 1) << 16;
        break;
      case RAPT_CUDA_WORD_MULTIPLY_F16:
      case RAPT_CUDA_WORD_MULTIPLY_BF16:
        for (uint32_t k = 0; k < 2; k++) {
          uint16_t half;
          rapt_cuda_encode(f16 ? RAPT_F16 : RAPT_BF16, static_cast<float>(element(2 * i + k)),
                           reinterpret_cast<unsigned char *>(&half));
          in[i] |= static_cast<uint32_t>(half) << 16 * k;
        }
        break;
      case RAPT_CUDA_WORD_EXPONENTIAL:
        in[i] = rapt_cuda_bits_of(-static_cast<float>(i) * 0.0615234375f);
        break;
      case RAPT_CUDA_WORD_F16:
      case RAPT_CUDA_WORD_BF16:
        in[i] = rapt_cuda_bits_of(halfway(f16, i));
        break;
      case RAPT_CUDA_WORD_PRODUCT: {
        float x = 1 + static_cast<float>(i % 32 + 1) * 0x1p-13f;
        in[i] = rapt_cuda_bits_of(i < 32 ? x : x * x);
        break;
      }
      default:
        in[i] = 0x01000000u + 257 * i;
    }
  }
  return in;
}

size_t rapt_cuda_word_outputs(int word) { return extents[word].out; }

rapt_cuda_complaint rapt_cuda_judge_word(int word, const words &in, const words &out) {
  if (word == RAPT_CUDA_WORD_EXPONENTIAL) return judge_exponential(in, out);
  bool f16 = word == RAPT_CUDA_WORD_F16;
  if (f16 || word == RAPT_CUDA_WORD_BF16) return judge_conversions(f16, out);
  for (uint32_t i = 0; i < out.size(); i++) {
    uint32_t right = expected(word, in, i);
    if (out[i] != right) return wrong(i, out[i], right);
  }
  return "";
}
