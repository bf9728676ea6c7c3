// SPDX-License-Identifier: Apache-2.0
// The attention kernels and their traits, which plans use. Tensor-core kernels are compiled in a file per dtype.
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
  // The same for samples with sizes of their own (samples.h), without and with pages: each is a kernel with the tiles
  // of simt_decode and one with those of simt_prefill, which take the samples that would get these alone.
  simt_samples,
  simt_pages,
  sdpa_kernels
};

// Which problems a kernel is for.
enum class only : int32_t { any, no, yes };

// Whether samples have sizes of their own, and whether their keys lie in pages.
enum class sample_kind : int32_t { alike, own_sizes, pages };

struct sdpa_kernel_traits {
  // Whether the kernel is for query rows that fit into one tile.
  bool decode;
  // Head dim that a tensor-core kernel was compiled for, at least both of the problem's; 0 on plain cores.
  int32_t bucket;
  // Whether it takes special problems, see sdpa_parameters.
  only special;
  // Whether it is for GPUs whose multiprocessors have too little shared memory for two blocks of the largest tiles.
  only narrow;
  // The samples that it takes.
  sample_kind samples;
};

struct sdpa_kernel_table {
  sdpa_kernel_traits of[sdpa_kernels];
};

constexpr sdpa_kernel_table make_sdpa_kernel_table() {
  sdpa_kernel_table t = {};
  t.of[mma_decode64] = {true, 64, only::any, only::any, sample_kind::alike};
  t.of[mma_decode128] = {true, 128, only::any, only::any, sample_kind::alike};
  t.of[mma_decode256] = {true, 256, only::any, only::any, sample_kind::alike};
  t.of[mma_prefill64] = {false, 64, only::no, only::any, sample_kind::alike};
  t.of[mma_prefill128] = {false, 128, only::no, only::no, sample_kind::alike};
  t.of[mma_narrow128] = {false, 128, only::no, only::yes, sample_kind::alike};
  t.of[mma_prefill256] = {false, 256, only::no, only::any, sample_kind::alike};
  t.of[mma_special64] = {false, 64, only::yes, only::any, sample_kind::alike};
  t.of[mma_special128] = {false, 128, only::yes, only::any, sample_kind::alike};
  t.of[mma_special256] = {false, 256, only::yes, only::any, sample_kind::alike};
  t.of[simt_decode] = {true, 0, only::any, only::any, sample_kind::alike};
  t.of[simt_prefill] = {false, 0, only::any, only::any, sample_kind::alike};
  t.of[simt_samples] = {false, 0, only::any, only::any, sample_kind::own_sizes};
  t.of[simt_pages] = {false, 0, only::any, only::any, sample_kind::pages};
  return t;
}

constexpr sdpa_kernel_table sdpa_table = make_sdpa_kernel_table();

// The most query rows that simt_decode takes.
constexpr int few_rows = 16;

// The most splits of a row's keys, so that merging them stays short.
constexpr int most_splits = 256;
// The most blocks that have totals (total.h): several times as many as the largest GPUs run at once, so that all are
// busy to the end. It bounds the scratch.
constexpr int64_t most_totals = 1024;

struct sdpa_shape {
  // Query rows of a block, keys per tile, and value dimensions of a block.
  int64_t rows;
  int64_t keys;
  int64_t values;
  // Bytes of shared memory per block.
  int64_t shared;
  // Keys per stretch, and doubles of a block's totals (total.h).
  int64_t stretch;
  int64_t totals;
};

// The shape of a kernel for queries of this dtype.
sdpa_shape sdpa_shape_of(int32_t kernel, int32_t dtype);

// Prepare all tensor-core kernels of a dtype whose blocks need at most `shared` bytes.
int prepare_mma_f16(int64_t shared);
int prepare_mma_bf16(int64_t shared);
sdpa_shape mma_shape_f16(int32_t kernel);
sdpa_shape mma_shape_bf16(int32_t kernel);
int launch_mma_f16(int32_t kernel, int64_t blocks, const sdpa_parameters &a, gpu_stream stream);
int launch_mma_bf16(int32_t kernel, int64_t blocks, const sdpa_parameters &a, gpu_stream stream);

}  // namespace kernels

#endif
