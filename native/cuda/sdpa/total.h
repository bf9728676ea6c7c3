// SPDX-License-Identifier: Apache-2.0
// Sums over very many keys. A float that has taken in millions of keys rounds every further one to its own last bit, so
// a block adds what it has to a total in double after each stretch of keys and begins anew: the error is that of one
// stretch, however many there are.
//
// Totals of the output lie in scratch, because neither registers nor shared memory have room for them beside the tiles:
// on plain cores each thread has its own numbers there, and touches them once per stretch only; tensor-core kernels
// keep them by rows (mma_finish.h). More splits would not do instead: they would have to grow in number with the keys,
// and so would the scratch of their partial results.
#ifndef RAPT_CUDA_SDPA_TOTAL_H
#define RAPT_CUDA_SDPA_TOTAL_H

#include "cuda/sdpa/parameters.h"
#include "cuda/sdpa/state.h"

namespace kernels {

// Which of a block's stretches has ended.
struct stretch_end {
  bool first;
  bool last;
};

// Whether a stretch ends after `done` of a block's `all` keys or tiles, of which the last step may do more than are
// left. A block with a single stretch needs no total.
template <typename Int>
GPU_FUNCTION bool ends_stretch(Int done, Int all, Int stretch) {
  return all > stretch && (done >= all || done % stretch == 0);
}
template <typename Int>
GPU_FUNCTION stretch_end stretch_end_of(Int done, Int all, Int stretch) {
  return {done <= stretch, done >= all};
}

// The thread's totals, number n at n * Tiles::threads: a warp's lie side by side.
template <typename Tiles>
GPU_FUNCTION double *thread_totals(const sdpa_parameters &a) {
  return a.totals + gpu::block() * Tiles::totals * Tiles::threads + gpu::thread();
}

// Adds to some totals, `STEP` apart, what a thread has of them in this stretch. After the last stretch it has the
// totals, rounded, and before it nothing. Volatile, because a compiler that loaded all of a thread's totals at once
// would need more registers than there are.
template <int STEP, int N>
GPU_FUNCTION void add_to_totals(const stretch_end &end, double keep, volatile double *totals, float (&x)[N]) {
  double sum[N];
  GPU_UNROLL
  for (int i = 0; i < N; i++) sum[i] = static_cast<double>(x[i]);
  if (!end.first) {
    GPU_UNROLL
    for (int i = 0; i < N; i++) sum[i] += totals[i * STEP] * keep;
  }
  GPU_UNROLL
  for (int i = 0; i < N; i++) x[i] = end.last ? static_cast<float>(sum[i]) : 0.0f;
  if (!end.last) {
    GPU_UNROLL
    for (int i = 0; i < N; i++) totals[i * STEP] = sum[i];
  }
}

}  // namespace kernels

#endif
