// SPDX-License-Identifier: Apache-2.0
// The tensor-core kernels by number. Each dtype has a file of its own, so that they compile in parallel.
#ifndef RAPT_CUDA_SDPA_MMA_LAUNCH_H
#define RAPT_CUDA_SDPA_MMA_LAUNCH_H

#include "cuda/sdpa/kernels.h"
#include "cuda/sdpa/mma.h"

namespace kernels {

struct mma_entry {
  void (*kernel)(sdpa_parameters);
  int threads;
  sdpa_shape shape;
};

struct mma_entries {
  mma_entry of[mma_kernels];
};

template <int32_t KERNEL, typename Tiles>
constexpr void add_mma(mma_entries *entries) {
  constexpr sdpa_kernel_traits traits = sdpa_table.of[KERNEL];
  static_assert(Tiles::dim == traits.bucket && Tiles::options == (traits.special != only::no), "as plans know it");
  static_assert(Tiles::roomy == (traits.narrow == only::no), "as plans know it");
  entries->of[KERNEL] = {attention_mma<Tiles>,
                         Tiles::threads,
                         {Tiles::rows, Tiles::keys, Tiles::dim, static_cast<int64_t>(sizeof(typename Tiles::memory)),
                          Tiles::stretch_tiles * Tiles::keys, mma_totals<Tiles>}};
}

// Prefill: four warps, each with two times 16 rows, so that fragments of K and V are used twice. With options, and at
// 256 dimensions, where the output alone takes 128 registers per thread, each warp has 16 rows. At 256 dimensions tiles
// have 32 keys: the scores of 64 would spill. Two blocks are to fit into a multiprocessor, by registers and by shared
// memory; at 128 dimensions that allows 48 keys, and on GPUs before Hopper only 32 (narrow). Decode: 16 rows, and four
// warps share the keys of a tile.
template <typename T>
constexpr mma_entries make_mma_entries() {
  mma_entries e = {};
  add_mma<mma_decode64, mma_tiles<T, 64, 1, 1, 4, 64, true>>(&e);
  add_mma<mma_decode128, mma_tiles<T, 128, 1, 1, 4, 64, true>>(&e);
  add_mma<mma_decode256, mma_tiles<T, 256, 1, 1, 4, 64, true>>(&e);
  add_mma<mma_prefill64, mma_tiles<T, 64, 2, 4, 1, 64, false>>(&e);
  add_mma<mma_prefill128, mma_tiles<T, 128, 2, 4, 1, 48, false>>(&e);
  add_mma<mma_narrow128, mma_tiles<T, 128, 2, 4, 1, 32, false>>(&e);
  add_mma<mma_prefill256, mma_tiles<T, 256, 1, 4, 1, 32, false>>(&e);
  add_mma<mma_special64, mma_tiles<T, 64, 1, 4, 1, 64, true>>(&e);
  add_mma<mma_special128, mma_tiles<T, 128, 1, 4, 1, 64, true>>(&e);
  add_mma<mma_special256, mma_tiles<T, 256, 1, 4, 1, 32, true>>(&e);
  return e;
}

template <typename T>
const mma_entry &mma_entry_at(int32_t kernel) {
  static constexpr mma_entries entries = make_mma_entries<T>();
  return entries.of[kernel];
}

template <typename T>
int prepare_mma(int64_t most_shared) {
  int error = 0;
  for (int32_t kernel = 0; kernel < mma_kernels && error == 0; kernel++) {
    const mma_entry &entry = mma_entry_at<T>(kernel);
    if (entry.shape.shared <= most_shared) error = gpu::prepare(entry.kernel, entry.shape.shared);
  }
  return error;
}

template <typename T>
int launch_mma(int32_t kernel, int64_t blocks, const sdpa_parameters &a, gpu_stream stream) {
  const mma_entry &entry = mma_entry_at<T>(kernel);
  return gpu::launch(entry.kernel, blocks, entry.threads, entry.shape.shared, stream, a);
}

}  // namespace kernels

#endif
