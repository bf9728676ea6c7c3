// SPDX-License-Identifier: Apache-2.0
// Tiles of 16-bit numbers in shared memory, and tensor-core products of them.
//
// A tile is LINES lines of DIM numbers. The 16-byte pieces of a line are permuted by the line's index (piece ^ line %
// 8, a swizzle): ldmatrix reads the pieces of eight lines in one column at a time, and these then lie in different
// banks.
#ifndef RAPT_CUDA_GPU_MMA_TILE_H
#define RAPT_CUDA_GPU_MMA_TILE_H

#include "cuda/gpu/tensor.h"

namespace kernels {

// Numbers in 16 bytes.
constexpr int piece = 8;

// The `at`-th piece of a line.
template <typename T, int DIM>
GPU_FUNCTION T *piece_of(T *tile, int line, int at) {
  return tile + line * DIM + (at ^ (line & 7)) * piece;
}

// Begins to copy a tile of lines that are `stride` numbers apart; stride and `size`, the numbers of a line, are
// multiples of 8. The tile is zero beyond `lines` lines of `size` numbers, and memory beyond them is not read. The
// pointer is incremented: an address computed for every piece would take registers through the whole kernel.
template <typename T, int LINES, int DIM, int THREADS>
GPU_FUNCTION void copy_tile(const T *from, int64_t stride, int lines, int size, T *tile, int thread = gpu::thread()) {
  constexpr int pieces = DIM / piece, step = THREADS / pieces;
  static_assert(LINES * pieces % THREADS == 0 && THREADS % pieces == 0, "every thread copies as much, of one column");
  int at = thread % pieces;
  // Columns from `size` on are zero in every line.
  if (at * piece >= size) lines = 0;
  from += thread / pieces * stride + at * piece;
  GPU_UNROLL
  for (int n = 0; n < LINES / step; n++) {
    int line = thread / pieces + n * step;
    gpu::copy16(piece_of<T, DIM>(tile, line, at), from, line < lines);
    from += step * stride;
  }
}

// The same for lines that begin anywhere: line i at element offset_of(i).
template <typename T, int LINES, int DIM, int THREADS, typename Offset>
GPU_FUNCTION void gather_tile(const T *from, int lines, int size, T *tile, Offset offset_of,
                              int thread = gpu::thread()) {
  constexpr int pieces = DIM / piece;
  GPU_ROLL
  for (int i = thread; i < LINES * pieces; i += THREADS) {
    int line = i / pieces, at = i % pieces;
    bool there = line < lines && at * piece < size;
    gpu::copy16(piece_of<T, DIM>(tile, line, at), there ? from + offset_of(line) + at * piece : from, there);
  }
}

// The offset of a lane's row of ldmatrix: piece `at` of a line, for step 0. For another step it is this offset xor 16
// step, and 8 lines further down it is larger by 8 DIM: one register serves a whole tile.
template <int DIM>
GPU_FUNCTION int matrix_offset(int line, int at) {
  return line * DIM + (at ^ (line & 7)) * piece;
}

// The left operand: 16 lines from first + below on, numbers 16 step .. 16 step + 16. `below` is a multiple of 16.
template <typename T, int DIM>
GPU_FUNCTION void load_left(T *tile, int first, int below, int step, uint32_t (&a)[4], int lane = gpu::lane()) {
  int offset = matrix_offset<DIM>(first + (lane & 15), lane >> 4);
  gpu::load_matrices(a, tile + (offset ^ 16 * step) + below * DIM);
}

// The right operand of A . B^T, for 16 lines of B from first + below on: b[0], b[1] for the first eight, b[2], b[3] for
// the rest.
template <typename T, int DIM>
GPU_FUNCTION void load_right_lines(T *tile, int first, int below, int step, uint32_t (&b)[4]) {
  int lane = gpu::lane(), offset = matrix_offset<DIM>(first + (lane & 7) + (lane >> 4) * 8, lane >> 3 & 1);
  gpu::load_matrices(b, tile + (offset ^ 16 * step) + below * DIM);
}

// The same with the offset of load_right_columns: a register less where a kernel loads both.
template <typename T, int DIM>
GPU_FUNCTION void load_right_lines_like_columns(T *tile, int first, int below, int step, uint32_t (&b)[4], int lane) {
  int offset = matrix_offset<DIM>(first + (lane & 15), lane >> 4);
  uint32_t r[4];
  gpu::load_matrices(r, tile + (offset ^ 16 * step) + below * DIM);
  b[0] = r[0];
  b[1] = r[2];
  b[2] = r[1];
  b[3] = r[3];
}

// The same for 8 lines, a multiple of 8 below, and two steps, of which the first is even: b[0], b[1] for this one,
// b[2], b[3] for the next. As many loads, and half the registers where both steps are needed at once.
template <typename T, int DIM>
GPU_FUNCTION void load_right_steps(T *tile, int first, int below, int step, uint32_t (&b)[4], int lane) {
  int offset = matrix_offset<DIM>(first + (lane & 7), lane >> 3);
  gpu::load_matrices(b, tile + (offset ^ 16 * step) + below * DIM);
}

// The right operand of A . B, for 16 lines of B from first + below on and its columns 16 step .. 16 step + 16: b[0],
// b[1] for the first eight columns, b[2], b[3] for the rest.
template <typename T, int DIM>
GPU_FUNCTION void load_right_columns(T *tile, int first, int below, int step, uint32_t (&b)[4], int lane) {
  int offset = matrix_offset<DIM>(first + (lane & 15), lane >> 4);
  gpu::load_matrices_transposed(b, tile + (offset ^ 16 * step) + below * DIM);
}

// In a 16 x 8 part of a result a lane has c[0], c[1] at row lane / 4, columns 2 (lane % 4) and the next one, and c[2],
// c[3] eight rows below.
GPU_FUNCTION int result_row() { return gpu::lane() >> 2; }
GPU_FUNCTION int result_column() { return (gpu::lane() & 3) * 2; }

// Maximum and sum over the four lanes that share a result's row.
GPU_FUNCTION float row_maximum(float x) {
  x = fmaxf(x, gpu::shuffle_xor(x, 1));
  return fmaxf(x, gpu::shuffle_xor(x, 2));
}
GPU_FUNCTION float row_sum(float x) {
  x += gpu::shuffle_xor(x, 1);
  return x + gpu::shuffle_xor(x, 2);
}

template <typename T>
GPU_FUNCTION uint32_t infinite_exponent();
template <>
GPU_FUNCTION uint32_t infinite_exponent<gpu::f16>() {
  return 0x7c00u;
}
template <>
GPU_FUNCTION uint32_t infinite_exponent<gpu::bf16>() {
  return 0x7f80u;
}

// Whether either of two packed numbers is infinite or NaN.
template <typename T>
GPU_FUNCTION bool any_infinite(uint32_t packed) {
  uint32_t e = infinite_exponent<T>();
  return (packed & e) == e || (packed >> 16 & e) == e;
}

// The same with 0 for infinities and NaNs.
template <typename T>
GPU_FUNCTION uint32_t finite_only(uint32_t packed) {
  uint32_t e = infinite_exponent<T>();
  if ((packed & e) == e) packed &= 0xffff0000u;
  if ((packed >> 16 & e) == e) packed &= 0x0000ffffu;
  return packed;
}

}  // namespace kernels

#endif
