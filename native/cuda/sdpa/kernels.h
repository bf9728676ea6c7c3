// SPDX-License-Identifier: Apache-2.0
// The attention kernels there are: what plans know of them. The tensor-core ones are compiled by type, in files of
// their own.
#ifndef RAPT_CUDA_SDPA_KERNELS_H
#define RAPT_CUDA_SDPA_KERNELS_H

#include <stdint.h>

#include "cuda/gpu/stream.h"

namespace kernels {

struct sdpa_parameters;

// Where several take a problem, the best comes first.
enum sdpa_kernel : int32_t {
  mma_decode64,
  mma_decode128,
  mma_decode256,
  mma_prefill64,
  mma_prefill128,
  mma_narrow128,
  mma_prefill256,
  mma_special64,
  mma_special128,
  mma_special256,
  mma_kernels,
  // f32 arithmetic on plain cores: any types, strides, sizes and options.
  simt_decode = mma_kernels,
  simt_prefill,
  sdpa_kernels
};

// Which problems a kernel is for.
enum class only : int32_t { any, no, yes };

struct sdpa_kernel_traits {
  // For so few query rows that one tile has them all: the keys are split over blocks.
  bool decode;
  // Head dim that a tensor-core kernel was compiled for, at least both of the problem's; 0 on plain cores.
  int32_t bucket;
  // As in sdpa_parameters.
  only special;
  // GPUs on whose multiprocessors shared memory is too little for two blocks of the largest tiles.
  only narrow;
};

struct sdpa_kernel_table {
  sdpa_kernel_traits of[sdpa_kernels];
};

constexpr sdpa_kernel_table make_sdpa_kernel_table() {
  sdpa_kernel_table t = {};
  t.of[mma_decode64] = {true, 64, only::any, only::any};
  t.of[mma_decode128] = {true, 128, only::any, only::any};
  t.of[mma_decode256] = {true, 256, only::any, only::any};
  t.of[mma_prefill64] = {false, 64, only::no, only::any};
  t.of[mma_prefill128] = {false, 128, only::no, only::no};
  t.of[mma_narrow128] = {false, 128, only::no, only::yes};
  t.of[mma_prefill256] = {false, 256, only::no, only::any};
  t.of[mma_special64] = {false, 64, only::yes, only::any};
  t.of[mma_special128] = {false, 128, only::yes, only::any};
  t.of[mma_special256] = {false, 256, only::yes, only::any};
  t.of[simt_decode] = {true, 0, only::any, only::any};
  t.of[simt_prefill] = {false, 0, only::any, only::any};
  return t;
}

constexpr sdpa_kernel_table sdpa_table = make_sdpa_kernel_table();

// Keys that a split has a multiple of: whole tiles of every decode kernel.
constexpr int64_t chunk_step = 128;
// No more splits than that, so that merging them stays short.
constexpr int most_splits = 64;

struct sdpa_shape {
  // Of a block: query rows, keys at a time, dimensions of the value.
  int64_t rows;
  int64_t keys;
  int64_t values;
  // Bytes of shared memory per block.
  int64_t shared;
};

// Of the kernel for queries of this type.
sdpa_shape sdpa_shape_of(int32_t kernel, int32_t dtype);

// All tensor-core kernels that fit a block of `shared` bytes.
int prepare_mma_f16(int64_t shared);
int prepare_mma_bf16(int64_t shared);
sdpa_shape mma_shape_f16(int32_t kernel);
sdpa_shape mma_shape_bf16(int32_t kernel);
int launch_mma_f16(int32_t kernel, int64_t blocks, const sdpa_parameters &a, gpu_stream stream);
int launch_mma_bf16(int32_t kernel, int64_t blocks, const sdpa_parameters &a, gpu_stream stream);

}  // namespace kernels

#endif
