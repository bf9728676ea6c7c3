// SPDX-License-Identifier: Apache-2.0
// The tensor-core kernels there are, and their choice by plan. Each type is a file of its own, so that they compile
// side by side.
#ifndef RAPT_CUDA_KERNELS_MMA_LAUNCH_H
#define RAPT_CUDA_KERNELS_MMA_LAUNCH_H

#include "cuda/attention_kernels.h"
#include "cuda/kernels/attention_mma.h"

namespace kernels {

// Prefill: four warps of two blocks of 16 rows, so that what is loaded of K and V is used twice; of one block with
// options, and at 256 dimensions, whose output alone then takes 128 registers a thread. Where it does, 32 keys at a
// time: the scores of 64 would spill. Decode: 16 rows, and four warps share the keys of a tile.
template <typename T>
struct mma_family {
  using prefill64 = mma_tiles<T, 64, 2, 4, 1, 64, false>;
  using prefill128 = mma_tiles<T, 128, 2, 4, 1, 32, false>;
  using prefill256 = mma_tiles<T, 256, 1, 4, 1, 32, false>;
  using special64 = mma_tiles<T, 64, 1, 4, 1, 64, true>;
  using special128 = mma_tiles<T, 128, 1, 4, 1, 64, true>;
  using special256 = mma_tiles<T, 256, 1, 4, 1, 32, true>;
  using decode64 = mma_tiles<T, 64, 1, 1, 4, 64, true>;
  using decode128 = mma_tiles<T, 128, 1, 1, 4, 64, true>;
  using decode256 = mma_tiles<T, 256, 1, 1, 4, 64, true>;
};

// Calls use(tiles) with the tiles of the choice.
template <typename T, typename Use>
auto with_tiles(const mma_choice &choice, Use use) {
  using family = mma_family<T>;
  if (choice.decode != 0) {
    if (choice.bucket == 64) return use(typename family::decode64{});
    return choice.bucket == 128 ? use(typename family::decode128{}) : use(typename family::decode256{});
  }
  if (choice.special != 0) {
    if (choice.bucket == 64) return use(typename family::special64{});
    return choice.bucket == 128 ? use(typename family::special128{}) : use(typename family::special256{});
  }
  if (choice.bucket == 64) return use(typename family::prefill64{});
  return choice.bucket == 128 ? use(typename family::prefill128{}) : use(typename family::prefill256{});
}

template <typename T>
mma_shape mma_shape_of(const mma_choice &choice) {
  return with_tiles<T>(choice, [](auto tiles) {
    using Tiles = decltype(tiles);
    return mma_shape{Tiles::rows, static_cast<int64_t>(sizeof(typename Tiles::memory))};
  });
}

template <typename T>
int launch_mma(const mma_choice &choice, int64_t blocks, const attention_parameters &a, gpu_stream stream) {
  return with_tiles<T>(choice, [&](auto tiles) {
    using Tiles = decltype(tiles);
    return gpu::launch(attention_mma<Tiles>, blocks, Tiles::threads,
                       static_cast<int64_t>(sizeof(typename Tiles::memory)), stream, a);
  });
}

}  // namespace kernels

#endif
