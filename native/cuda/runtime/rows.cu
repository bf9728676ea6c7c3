// SPDX-License-Identifier: Apache-2.0
#include "cuda/gpu/tensor.h"
#include "cuda/runtime/rows.h"

namespace kernels {

constexpr int row_threads = 256;

struct rows_copy {
  tensor from;
  tensor to;
  int64_t columns;
  int64_t count;
};

GPU_KERNEL(row_threads, 1) copy_rows(GPU_PARAMETER rows_copy p) {
  for (int64_t i = gpu::block() * row_threads + gpu::thread(); i < p.count; i += gpu::blocks() * row_threads) {
    int64_t row = i / p.columns, column = i % p.columns;
    float x = !is_present(p.from) ? 0 : element(p.from, row * p.from.stride[0] + column * p.from.stride[1]);
    set_element(p.to, row * p.to.stride[0] + column * p.to.stride[1], x);
  }
}

struct heads_mean {
  const float *from;
  tensor to;
  int64_t heads;
  int64_t head_rows;
  int64_t rows;
  int64_t keys;
};

GPU_KERNEL(row_threads, 1) mean_over_heads(GPU_PARAMETER heads_mean p) {
  int64_t count = p.rows * p.keys;
  for (int64_t i = gpu::block() * row_threads + gpu::thread(); i < count; i += gpu::blocks() * row_threads) {
    int64_t row = i / p.keys, key = i % p.keys;
    // Summed in the order of the heads, so that the bits do not depend on how the work is divided.
    float sum = 0;
    for (int64_t head = 0; head < p.heads; head++) sum += p.from[(head * p.head_rows + row) * p.keys + key];
    set_element(p.to, row * p.to.stride[0] + key * p.to.stride[1], sum / static_cast<float>(p.heads));
  }
}

}  // namespace kernels

namespace {

// Enough blocks to fill any GPU; each thread then takes several elements.
constexpr int64_t MOST_BLOCKS = 2048;

int64_t blocks_for(int64_t count) {
  int64_t blocks = (count + kernels::row_threads - 1) / kernels::row_threads;
  return blocks < MOST_BLOCKS ? blocks : MOST_BLOCKS;
}

}  // namespace

int rapt_cuda_prepare_rows() {
  int error = gpu::prepare(kernels::copy_rows, 0);
  return error != 0 ? error : gpu::prepare(kernels::mean_over_heads, 0);
}

int rapt_cuda_copy_rows(const rapt_tensor &from, const rapt_tensor &to, int64_t rows, int64_t columns,
                        gpu_stream stream) {
  kernels::rows_copy p = {kernels::tensor_of(from), kernels::tensor_of(to), columns, rows * columns};
  return p.count == 0 ? 0 : gpu::launch(kernels::copy_rows, blocks_for(p.count), kernels::row_threads, 0, stream, p);
}

int rapt_cuda_mean_over_heads(const rapt_cuda_mean &m, gpu_stream stream) {
  kernels::heads_mean p = {m.from, kernels::tensor_of(m.to), m.heads, m.head_rows, m.rows, m.keys};
  int64_t count = p.rows * p.keys;
  return count == 0 ? 0 : gpu::launch(kernels::mean_over_heads, blocks_for(count), kernels::row_threads, 0, stream, p);
}
