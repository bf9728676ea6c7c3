// SPDX-License-Identifier: Apache-2.0
// The tensor-core kernels there are, and their choice by plan. Each type is a file of its own, so that they compile
// side by side.
#ifndef RAPT_CUDA_KERNELS_MMA_LAUNCH_H
#define RAPT_CUDA_KERNELS_MMA_LAUNCH_H

#include "cuda/attention_kernels.h"
#include "cuda/kernels/attention_mma.h"

namespace kernels {

// Prefill: 128 rows in four warps of two blocks of 16, so that what is loaded of K and V is used twice; at 256
// dimensions the output alone takes 128 registers a thread, which leaves room for one block and half the keys.
// Decode: 16 rows, and four warps share the keys of a tile.
template <typename T>
struct mma_family {
  using prefill64 = mma_tiles<T, 64, 2, 4, 1, 64>;
  using prefill128 = mma_tiles<T, 128, 2, 4, 1, 64>;
  using prefill256 = mma_tiles<T, 256, 1, 4, 1, 32>;
  using decode64 = mma_tiles<T, 64, 1, 1, 4, 64>;
  using decode128 = mma_tiles<T, 128, 1, 1, 4, 64>;
  using decode256 = mma_tiles<T, 256, 1, 1, 4, 64>;
};

// Calls use(tiles) with the tiles of a bucket and path.
template <typename T, typename Use>
auto with_tiles(int32_t bucket, int32_t decode, Use use) {
  using family = mma_family<T>;
  if (bucket == 64) return decode ? use(typename family::decode64{}) : use(typename family::prefill64{});
  if (bucket == 128) return decode ? use(typename family::decode128{}) : use(typename family::prefill128{});
  return decode ? use(typename family::decode256{}) : use(typename family::prefill256{});
}

template <typename T>
mma_shape mma_shape_of(int32_t bucket, int32_t decode) {
  return with_tiles<T>(bucket, decode, [](auto tiles) {
    using Tiles = decltype(tiles);
    return mma_shape{Tiles::rows, static_cast<int64_t>(sizeof(typename Tiles::memory))};
  });
}

template <typename T>
int launch_mma(int32_t bucket, int32_t decode, int64_t blocks, const attention_parameters &a, gpu_stream stream) {
  return with_tiles<T>(bucket, decode, [&](auto tiles) {
    using Tiles = decltype(tiles);
    return gpu::launch(attention_mma<Tiles>, blocks, Tiles::threads,
                       static_cast<int64_t>(sizeof(typename Tiles::memory)), stream, a);
  });
}

}  // namespace kernels

#endif
