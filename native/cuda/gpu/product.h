// SPDX-License-Identifier: Apache-2.0
// Steps of a product A . B^T on plain cores: lines of a tensor are staged in shared memory, transposed, and each thread
// adds outer products to a small tile of its own.
#ifndef RAPT_CUDA_GPU_PRODUCT_H
#define RAPT_CUDA_GPU_PRODUCT_H

#include "cuda/gpu/tensor.h"

namespace kernels {

// Stages numbers from .. from + DEPTH of LINES lines as to[number][line], with zeros beyond `lines` lines of `size`
// numbers. Number d of line i is number_at(i, d). Neighbouring threads take neighbouring numbers, which are contiguous
// in most layouts.
template <int LINES, int LINE_FLOATS, int DEPTH, int THREADS, typename Number>
GPU_FUNCTION void stage_numbers(int lines, int64_t from, int64_t size, float *to, Number number_at) {
  for (int i = gpu::thread(); i < LINES * DEPTH; i += THREADS) {
    int line = i / DEPTH, d = i % DEPTH;
    to[d * LINE_FLOATS + line] = line < lines && from + d < size ? number_at(line, from + d) : 0.0f;
  }
}

// The same for a tensor's lines: line i begins at element offset_of(i), and its numbers are `stride` elements apart.
template <int LINES, int LINE_FLOATS, int DEPTH, int THREADS, typename Offset>
GPU_FUNCTION void stage_lines(const tensor &t, int lines, int64_t stride, int64_t from, int64_t size, float *to,
                              Offset offset_of) {
  stage_numbers<LINES, LINE_FLOATS, DEPTH, THREADS>(
      lines, from, size, to, [&](int line, int64_t d) { return element(t, offset_of(line) + d * stride); });
}

// sum[r][c] += a[k][r] b[k][c] for the first `steps` numbers, of staged lines.
template <int R, int C, int A_FLOATS, int B_FLOATS>
GPU_FUNCTION void accumulate(const float *a, const float *b, int steps, float (&sum)[R][C]) {
  for (int k = 0; k < steps; k++) {
    float x[R], y[C];
    gpu::fetch(x, a + k * A_FLOATS);
    gpu::fetch(y, b + k * B_FLOATS);
    GPU_UNROLL
    for (int r = 0; r < R; r++) {
      GPU_UNROLL
      for (int c = 0; c < C; c++) sum[r][c] += x[r] * y[c];
    }
  }
}

}  // namespace kernels

#endif
