// SPDX-License-Identifier: Apache-2.0
// The tensor-core kernels there are, and their choice by plan. Each type is a file of its own, so that they compile
// side by side.
#ifndef RAPT_CUDA_SDPA_MMA_LAUNCH_H
#define RAPT_CUDA_SDPA_MMA_LAUNCH_H

#include <initializer_list>

#include "cuda/sdpa/kernels.h"
#include "cuda/sdpa/mma.h"

namespace kernels {

// Prefill: four warps of two blocks of 16 rows, so that what is loaded of K and V is used twice; of one block with
// options, and at 256 dimensions, whose output alone then takes 128 registers a thread. Where it does, fewer keys at a
// time: the scores of 64 would spill. Two blocks are to fit a multiprocessor, by registers and by shared memory, of
// which GPUs before Hopper have room for 32 keys only. Decode: 16 rows, and four warps share the keys of a tile.
template <typename T>
struct mma_family {
  using prefill64 = mma_tiles<T, 64, 2, 4, 1, 64, false>;
  using prefill128 = mma_tiles<T, 128, 2, 4, 1, 48, false>;
  using narrow128 = mma_tiles<T, 128, 2, 4, 1, 32, false>;
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
  if (choice.bucket == 256) return use(typename family::prefill256{});
  return choice.narrow != 0 ? use(typename family::narrow128{}) : use(typename family::prefill128{});
}

template <typename T>
mma_shape mma_shape_of(const mma_choice &choice) {
  return with_tiles<T>(choice, [](auto tiles) {
    using Tiles = decltype(tiles);
    return mma_shape{Tiles::rows, static_cast<int64_t>(sizeof(typename Tiles::memory))};
  });
}

template <typename T>
int prepare_mma(int64_t most_shared) {
  int error = 0;
  for (int32_t bucket : {64, 128, 256}) {
    for (int32_t kind = 0; kind < 8 && error == 0; kind++) {
      error = with_tiles<T>({bucket, kind & 1, kind >> 1 & 1, kind >> 2}, [&](auto tiles) {
        using Tiles = decltype(tiles);
        int64_t shared = sizeof(typename Tiles::memory);
        return shared > most_shared ? 0 : gpu::prepare(attention_mma<Tiles>, shared);
      });
    }
  }
  return error;
}

template <typename T>
int launch_mma(const mma_choice &choice, int64_t blocks, const sdpa_parameters &a, gpu_stream stream) {
  return with_tiles<T>(choice, [&](auto tiles) {
    using Tiles = decltype(tiles);
    return gpu::launch(attention_mma<Tiles>, blocks, Tiles::threads,
                       static_cast<int64_t>(sizeof(typename Tiles::memory)), stream, a);
  });
}

}  // namespace kernels

#endif
