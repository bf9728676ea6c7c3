// SPDX-License-Identifier: Apache-2.0
// The vocabulary that kernels are written in. Under nvcc its words are instructions (device.h). For another compiler a
// header with the same words is included before this one, so that the same kernel text runs elsewhere.
//
// Blocks are one-dimensional and whole warps. Every thread of a warp takes part in every warp collective, and every
// thread of a block in every barrier.
//
//   GPU_FUNCTION            qualifies a function that kernels call
//   GPU_KERNEL(t, b)        qualifies a kernel of t threads a block, at least b blocks a multiprocessor
//   GPU_PARAMETER           qualifies the kernel's one parameter, a struct that every function may take by reference
//   GPU_UNROLL              before a loop of fixed length whose arrays live in registers
//   GPU_ROLL                before a loop that is not to be unrolled
//   gpu::thread() block() blocks() lane() warp() shared()
//   gpu::thread_anew()                   thread(), read anew: what follows from it takes no register between two uses
//   gpu::barrier() barrier_any(x) warp_barrier() shuffle(x, lane) shuffle_xor(x, mask)
//   gpu::to_float(x) from_float(x, &to)  between f32 and what is stored: f32, f16, bf16; rounds to nearest even
//   gpu::pack<T>(low, high)              two numbers of type T in one register, the first in the lower half
//   gpu::fast_exp2(x)                    2 to the power of x, approximate; a subnormal result may be 0
//   gpu::product(x, y)                   x * y, rounded: never fused with the sum it goes into
//   gpu::copy16(shared, global, valid)   16 bytes, asynchronous; zeros where not valid, and global is not read then
//   gpu::commit() wait<n>()              closes a group of copies; waits until at most the n latest groups are open
//   gpu::load_matrices(r, row) load_matrices_transposed(r, row)    ldmatrix.x4.b16
//   gpu::roomy                           whether the code may be for GPUs that have room for two blocks of the largest
//                                        tiles: Hopper's and newer architectures
//   gpu::stop()                          ends the launch with an error
//   gpu::multiply<T>(d, a, b0, b1)       d += a . b: mma.m16n8k16, T in, f32 accumulated
//   gpu::most_blocks                     the most blocks of a launch; where there are more items, each block loops
//   gpu::prepare(kernel, shared bytes)   once per device, before the first launch: loads the kernel
//   gpu::launch(kernel, blocks, threads, shared bytes, stream, parameter)
// prepare and launch return the driver's error code, 0 = none.
#ifndef RAPT_CUDA_GPU_GPU_H
#define RAPT_CUDA_GPU_GPU_H

#include <math.h>
#include <stdint.h>

#include "cuda/gpu/stream.h"

#ifdef __CUDACC__
#include "cuda/gpu/device.h"
#elif !defined(GPU_KERNEL)
#error "only nvcc knows the GPU's instructions: another compiler needs a header with these words before this one"
#endif

namespace gpu {

constexpr int warp_size = 32;

// Loads a thread's consecutive floats, aligned to 16 bytes or to their own size where that is less.
template <int N>
GPU_FUNCTION void fetch(float (&to)[N], const float *from) {
  constexpr int width = N < 4 ? N : 4;
  struct alignas(4 * width) vector {
    float x[width];
  };
  GPU_UNROLL
  for (int i = 0; i < N / width; i++) {
    vector v = *reinterpret_cast<const vector *>(from + i * width);
    GPU_UNROLL
    for (int k = 0; k < width; k++) to[i * width + k] = v.x[k];
  }
}

GPU_FUNCTION float warp_maximum(float x) {
  GPU_UNROLL
  for (int mask = 16; mask > 0; mask >>= 1) x = fmaxf(x, shuffle_xor(x, mask));
  return x;
}

GPU_FUNCTION float warp_sum(float x) {
  GPU_UNROLL
  for (int mask = 16; mask > 0; mask >>= 1) x += shuffle_xor(x, mask);
  return x;
}

}  // namespace gpu

#endif
