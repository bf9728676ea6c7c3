// SPDX-License-Identifier: Apache-2.0
#include "cuda/merge/kernel.h"
#include "cuda/merge/merge.h"

constexpr int64_t shared_bytes = sizeof(kernels::merge_parts_memory);

int rapt_cuda_prepare_merge(const rapt_cuda_properties &) { return gpu::prepare(kernels::merge_parts, shared_bytes); }

int rapt_cuda_launch_merge(const rapt_merge &call, int64_t rows, gpu_stream stream) {
  kernels::merge_parts_parameters a = {};
  a.partial_output = kernels::tensor_of(call.partial_output);
  a.partial_step = call.partial_output.stride[4];
  a.partial_lse = kernels::tensor_of(call.partial_lse);
  a.output = kernels::tensor_of(call.output);
  a.lse = kernels::tensor_of(call.lse);
  a.parts = call.parts;
  a.heads = call.heads;
  a.query_len = call.query_len;
  a.value_dim = call.value_dim;
  a.rows = rows;
  return gpu::launch(kernels::merge_parts, rows < gpu::most_blocks ? rows : gpu::most_blocks,
                     kernels::merge_parts_threads, shared_bytes, stream, a);
}
