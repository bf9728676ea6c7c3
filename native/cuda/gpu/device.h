// SPDX-License-Identifier: Apache-2.0
// The words of gpu.h as instructions, sm_80 and newer.
#ifndef RAPT_CUDA_GPU_DEVICE_H
#define RAPT_CUDA_GPU_DEVICE_H

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "cuda/gpu/number.h"
#include "cuda/gpu/stream.h"

#define GPU_FUNCTION __device__ __forceinline__
#define GPU_KERNEL(threads, blocks) __global__ void __launch_bounds__(threads, blocks)
#define GPU_PARAMETER const __grid_constant__
#define GPU_UNROLL _Pragma("unroll")
#define GPU_ROLL _Pragma("unroll 1")

namespace gpu {

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
constexpr bool roomy = false;
#else
constexpr bool roomy = true;
#endif
GPU_FUNCTION void stop() { __trap(); }

GPU_FUNCTION int thread() { return static_cast<int>(threadIdx.x); }
GPU_FUNCTION int thread_anew() {
  int index;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
  return index;
}
GPU_FUNCTION int64_t block() { return static_cast<int64_t>(blockIdx.x); }
GPU_FUNCTION int64_t blocks() { return static_cast<int64_t>(gridDim.x); }
GPU_FUNCTION int lane() { return static_cast<int>(threadIdx.x & 31); }
GPU_FUNCTION int warp() { return static_cast<int>(threadIdx.x >> 5); }

GPU_FUNCTION unsigned char *shared() {
  extern __shared__ __align__(128) unsigned char gpu_shared_memory[];
  return gpu_shared_memory;
}

GPU_FUNCTION void barrier() { __syncthreads(); }
GPU_FUNCTION bool barrier_any(bool x) { return __syncthreads_or(x) != 0; }
GPU_FUNCTION void warp_barrier() { __syncwarp(); }

template <typename T>
GPU_FUNCTION T shuffle(T x, int from) {
  return __shfl_sync(0xffffffffu, x, from);
}
template <typename T>
GPU_FUNCTION T shuffle_xor(T x, int mask) {
  return __shfl_xor_sync(0xffffffffu, x, mask);
}

GPU_FUNCTION float to_float(float x) { return x; }
GPU_FUNCTION float to_float(f16 x) { return __half2float(__ushort_as_half(x.bits)); }
GPU_FUNCTION float to_float(bf16 x) { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }
GPU_FUNCTION void from_float(float x, float *to) { *to = x; }
GPU_FUNCTION void from_float(float x, f16 *to) { to->bits = __half_as_ushort(__float2half_rn(x)); }
GPU_FUNCTION void from_float(float x, bf16 *to) { to->bits = __bfloat16_as_ushort(__float2bfloat16_rn(x)); }

template <typename T>
GPU_FUNCTION uint32_t pack(float low, float high);
template <>
GPU_FUNCTION uint32_t pack<f16>(float low, float high) {
  uint32_t packed;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}
template <>
GPU_FUNCTION uint32_t pack<bf16>(float low, float high) {
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

GPU_FUNCTION float product(float x, float y) { return __fmul_rn(x, y); }

// 2 to the power of x; subnormal results are 0. The general kernel uses exp2f, which keeps them.
GPU_FUNCTION float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

GPU_FUNCTION uint32_t shared_address(const void *p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

GPU_FUNCTION void copy16(void *to, const void *from, bool valid) {
  int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes)
               : "memory");
}
GPU_FUNCTION void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N>
GPU_FUNCTION void wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

GPU_FUNCTION void load_matrices(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}
GPU_FUNCTION void load_matrices_transposed(uint32_t (&r)[4], const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
}

template <typename T>
GPU_FUNCTION void multiply(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
template <>
GPU_FUNCTION void multiply<f16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <>
GPU_FUNCTION void multiply<bf16>(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

constexpr int64_t most_blocks = INT32_MAX;

// Loads the kernel and asks for its shared memory. Otherwise its first launch would load it, and allocate memory then.
template <typename Parameter>
int prepare(void (*kernel)(Parameter), int64_t shared_bytes) {
  const void *function = reinterpret_cast<const void *>(kernel);
  cudaFuncAttributes attributes;
  cudaError_t error = cudaFuncGetAttributes(&attributes, function);
  // A kernel must ask for more than 48 KiB.
  if (error == cudaSuccess && shared_bytes > 48 * 1024) {
    error = cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
  }
  return static_cast<int>(error);
}

template <typename Parameter>
int launch(void (*kernel)(Parameter), int64_t blocks, int threads, int64_t shared_bytes, gpu_stream stream,
           const Parameter &parameter) {
  const void *function = reinterpret_cast<const void *>(kernel);
  void *arguments[] = {const_cast<Parameter *>(&parameter)};
  return static_cast<int>(cudaLaunchKernel(function, dim3(static_cast<unsigned>(blocks)),
                                           dim3(static_cast<unsigned>(threads)), arguments,
                                           static_cast<size_t>(shared_bytes), stream));
}

}  // namespace gpu

#endif
