// SPDX-License-Identifier: Apache-2.0
// Pieces of a product A . B^T of two sets of lines on plain cores: lines of a tensor through shared memory, transposed,
// and the outer products of a thread's little tile.
#ifndef RAPT_CUDA_GPU_PRODUCT_H
#define RAPT_CUDA_GPU_PRODUCT_H

#include "cuda/gpu/tensor.h"

namespace kernels {

// Numbers from..from + DEPTH of each of LINES lines: to[number][line], zeros beyond what there is. Number d of line i
// is number_at(i, d), and there are `size` of them. Neighbouring threads take neighbouring numbers, which are
// contiguous in most layouts.
template <int LINES, int LINE_FLOATS, int DEPTH, int THREADS, typename Number>
GPU_FUNCTION void stage_numbers(int lines, int64_t from, int64_t size, float *to, Number number_at) {
  for (int i = gpu::thread(); i < LINES * DEPTH; i += THREADS) {
    int line = i / DEPTH, d = i % DEPTH;
    to[d * LINE_FLOATS + line] = line < lines && from + d < size ? number_at(line, from + d) : 0.0f;
  }
}

// The same of a tensor's lines: line i begins at element offset_of(i), its numbers are `stride` apart.
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
