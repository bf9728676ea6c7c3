// SPDX-License-Identifier: Apache-2.0
// Rotary embedding, which is bound by memory. A thread rotates one piece of a row. In the vector kernel it rotates the
// same piece of several heads, and loads the angles once. Products are rounded before they are added, as on the CPU, so
// that the bits are the same.
#ifndef RAPT_CUDA_ROPE_KERNEL_H
#define RAPT_CUDA_ROPE_KERNEL_H

#include "cuda/gpu/tensor.h"

namespace kernels {

constexpr int rope_threads = 256;

// The fields of rapt_rope that kernels need.
struct rope_call {
  tensor input;
  tensor output;
  tensor cosine;
  tensor sine;
  tensor positions;
  int64_t heads;
  int64_t length;
  int64_t rotary_dim;
  int64_t table_length;
  int32_t interleaved;
};

struct rope_parameters {
  rope_call call;
  int64_t items;
  // Pieces of a row: those of pairs, then those that are only copied. The scalar kernel's are single pairs and numbers.
  int64_t pair_pieces;
  int64_t pieces;
  // A thread takes heads group, group + groups and so on, `heads` of them at most.
  int64_t groups;
  int32_t heads;
};

// What a thread works on.
struct rope_place {
  int64_t batch;
  int64_t token;
  int64_t head;
  int64_t piece;
};

GPU_FUNCTION rope_place place_of(const rope_parameters &a, int64_t item) {
  int64_t per_token = a.groups * a.pieces, token = item / per_token;
  int64_t rest = item - token * per_token;
  rope_place at;
  at.batch = token / a.call.length;
  at.token = token - at.batch * a.call.length;
  at.head = rest / a.pieces;
  at.piece = rest - at.head * a.pieces;
  return at;
}

GPU_FUNCTION int64_t row_at(const tensor &t, const rope_place &at, int64_t head) {
  return offset3(t, at.batch, head, at.token);
}

// Whether the token has angles: a position may be outside the tables.
GPU_FUNCTION bool find_angles(const rope_call &c, const rope_place &at, int64_t *cosine, int64_t *sine) {
  if (!is_present(c.positions)) {
    *cosine = offset2(c.cosine, at.batch, at.token);
    *sine = offset2(c.sine, at.batch, at.token);
    return true;
  }
  int64_t position = index_at(c.positions, offset2(c.positions, at.batch, at.token));
  bool there = position >= 0 && position < c.table_length;
  *cosine = there ? position * c.cosine.stride[0] : 0;
  *sine = there ? position * c.sine.stride[0] : 0;
  return there;
}

GPU_FUNCTION void rotate(float cosine, float sine, float *a, float *b) {
  float turned = gpu::product(cosine, *a) - gpu::product(sine, *b);
  *b = gpu::product(sine, *a) + gpu::product(cosine, *b);
  *a = turned;
}

GPU_KERNEL(rope_threads, 2)
rope_scalar(GPU_PARAMETER rope_parameters a) {
  const rope_call &c = a.call;
  int32_t last = is_present(c.positions) ? 1 : 2;
  bool interleaved = c.interleaved != 0;
  for (int64_t item = gpu::block() * rope_threads + gpu::thread(); item < a.items;
       item += gpu::blocks() * rope_threads) {
    rope_place at = place_of(a, item);
    int64_t cosine, sine, in = row_at(c.input, at, at.head), out = row_at(c.output, at, at.head);
    bool there = find_angles(c, at, &cosine, &sine);
    if (at.piece < a.pair_pieces) {
      int64_t i = interleaved ? 2 * at.piece : at.piece;
      int64_t j = interleaved ? i + 1 : i + a.pair_pieces;
      float x = NAN, y = NAN;
      if (there) {
        x = element(c.input, in + i * c.input.stride[3]);
        y = element(c.input, in + j * c.input.stride[3]);
        rotate(element(c.cosine, cosine + at.piece * c.cosine.stride[last]),
               element(c.sine, sine + at.piece * c.sine.stride[last]), &x, &y);
      }
      set_element(c.output, out + i * c.output.stride[3], x);
      set_element(c.output, out + j * c.output.stride[3], y);
    } else {
      int64_t i = at.piece + a.pair_pieces;
      float x = there ? element(c.input, in + i * c.input.stride[3]) : NAN;
      set_element(c.output, out + i * c.output.stride[3], x);
    }
  }
}

// 16 bytes of a row. They stay packed until the thread rotates this head: four widened heads would not fit into
// registers.
struct alignas(16) rope_piece {
  uint32_t word[4];
};

template <typename T>
constexpr int rope_numbers = 16 / static_cast<int>(sizeof(T));

GPU_FUNCTION void unpack(const rope_piece &v, float (&to)[4], const float *) { memcpy(to, v.word, sizeof to); }
GPU_FUNCTION void pack(const float (&from)[4], rope_piece *v, const float *) { memcpy(v->word, from, sizeof from); }

// The last parameter only selects the type.
template <typename T>
GPU_FUNCTION void unpack(const rope_piece &v, float (&to)[8], const T *) {
  GPU_UNROLL
  for (int i = 0; i < 4; i++) {
    to[2 * i] = gpu::to_float(T{static_cast<uint16_t>(v.word[i])});
    to[2 * i + 1] = gpu::to_float(T{static_cast<uint16_t>(v.word[i] >> 16)});
  }
}
template <typename T>
GPU_FUNCTION void pack(const float (&from)[8], rope_piece *v, const T *) {
  GPU_UNROLL
  for (int i = 0; i < 4; i++) v->word[i] = gpu::pack<T>(from[2 * i], from[2 * i + 1]);
}

// N numbers from element `at` on, a whole count of pieces.
template <typename A, int N>
GPU_FUNCTION void fetch_angles(const tensor &t, int64_t at, float (&to)[N]) {
  constexpr int each = rope_numbers<A>;
  const A *from = static_cast<const A *>(t.data) + at;
  GPU_UNROLL
  for (int i = 0; i < N / each; i++) {
    float some[each];
    unpack(reinterpret_cast<const rope_piece *>(from)[i], some, from);
    GPU_UNROLL
    for (int k = 0; k < each; k++) to[i * each + k] = some[k];
  }
}

// Rotates as many pairs as a piece has numbers, from two pieces: one of first and one of second elements, or both of
// whole pairs.
template <typename T, bool INTERLEAVED>
GPU_FUNCTION void rotate_pieces(const float (&cosine)[rope_numbers<T>], const float (&sine)[rope_numbers<T>],
                                rope_piece *first, rope_piece *second) {
  constexpr int numbers = rope_numbers<T>;
  const T *type = nullptr;
  float x[2][numbers];
  unpack(*first, x[0], type);
  unpack(*second, x[1], type);
  GPU_UNROLL
  for (int i = 0; i < numbers; i++) {
    if (INTERLEAVED) {
      float *pair = &x[2 * i / numbers][2 * i % numbers];
      rotate(cosine[i], sine[i], pair, pair + 1);
    } else {
      rotate(cosine[i], sine[i], &x[0][i], &x[1][i]);
    }
  }
  pack(x[0], first, type);
  pack(x[1], second, type);
}

template <typename T>
GPU_FUNCTION rope_piece nan_piece() {
  float x[rope_numbers<T>];
  GPU_UNROLL
  for (int i = 0; i < rope_numbers<T>; i++) x[i] = NAN;
  rope_piece v;
  pack(x, &v, static_cast<const T *>(nullptr));
  return v;
}

// T is the type of input and output, A that of cosine and sine.
template <typename T, typename A, bool INTERLEAVED>
GPU_KERNEL(rope_threads, 2)
rope_vector(GPU_PARAMETER rope_parameters a) {
  constexpr int numbers = rope_numbers<T>, most_heads = 4;
  const rope_call &c = a.call;
  const T *input = static_cast<const T *>(c.input.data);
  T *output = static_cast<T *>(c.output.data);
  for (int64_t item = gpu::block() * rope_threads + gpu::thread(); item < a.items;
       item += gpu::blocks() * rope_threads) {
    rope_place at = place_of(a, item);
    int64_t cosine_at, sine_at;
    bool there = find_angles(c, at, &cosine_at, &sine_at), turns = at.piece < a.pair_pieces;
    // In place, a piece that is only copied is already there, unless it has to become NaN.
    if (there && !turns && input == output) continue;
    // Offsets of the two pieces in a head's row; a piece that is only copied has no second one.
    int64_t first = at.piece * numbers, second = 0;
    if (!turns) {
      first += a.pair_pieces * numbers;
    } else if (INTERLEAVED) {
      first *= 2;
      second = first + numbers;
    } else {
      second = first + c.rotary_dim / 2;
    }
    // All loads before the first store: in place the compiler may not move them past one.
    rope_piece v[most_heads][2];
    GPU_UNROLL
    for (int i = 0; i < most_heads; i++) {
      int64_t head = at.head + i * a.groups;
      v[i][0] = v[i][1] = nan_piece<T>();
      if (!there || i >= a.heads || head >= c.heads) continue;
      const T *row = input + row_at(c.input, at, head);
      v[i][0] = *reinterpret_cast<const rope_piece *>(row + first);
      if (turns) v[i][1] = *reinterpret_cast<const rope_piece *>(row + second);
    }
    float cosine[numbers] = {}, sine[numbers] = {};
    if (there && turns) {
      fetch_angles<A>(c.cosine, cosine_at + at.piece * numbers, cosine);
      fetch_angles<A>(c.sine, sine_at + at.piece * numbers, sine);
    }
    GPU_UNROLL
    for (int i = 0; i < most_heads; i++) {
      int64_t head = at.head + i * a.groups;
      if (i >= a.heads || head >= c.heads) continue;
      if (turns) rotate_pieces<T, INTERLEAVED>(cosine, sine, &v[i][0], &v[i][1]);
      T *row = output + row_at(c.output, at, head);
      *reinterpret_cast<rope_piece *>(row + first) = v[i][0];
      if (turns) *reinterpret_cast<rope_piece *>(row + second) = v[i][1];
    }
  }
}

}  // namespace kernels

#endif
