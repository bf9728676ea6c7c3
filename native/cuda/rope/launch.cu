// SPDX-License-Identifier: Apache-2.0
#include "cuda/rope/kernel.h"
#include "cuda/rope/rope.h"

namespace {

using kernels::rope_parameters;

int launch(void (*kernel)(rope_parameters), const rope_parameters &a, gpu_stream stream) {
  int64_t blocks = (a.items + kernels::rope_threads - 1) / kernels::rope_threads;
  return gpu::launch(kernel, blocks < gpu::most_blocks ? blocks : gpu::most_blocks, kernels::rope_threads, 0, stream,
                     a);
}

template <typename T, typename A>
int launch_vector(const rope_parameters &a, gpu_stream stream) {
  return launch(a.call.interleaved != 0 ? kernels::rope_vector<T, A, true> : kernels::rope_vector<T, A, false>, a,
                stream);
}

template <typename T>
int launch_vector(const rope_parameters &a, gpu_stream stream) {
  return a.call.cosine.dtype == RAPT_F32 ? launch_vector<T, float>(a, stream) : launch_vector<T, T>(a, stream);
}

template <typename T, typename A>
int prepare_vector() {
  int error = gpu::prepare(kernels::rope_vector<T, A, true>, 0);
  return error != 0 ? error : gpu::prepare(kernels::rope_vector<T, A, false>, 0);
}

}  // namespace

int rapt_cuda_prepare_rope(const rapt_cuda_properties &) {
  int error = gpu::prepare(kernels::rope_scalar, 0);
  if (error == 0) error = prepare_vector<float, float>();
  if (error == 0) error = prepare_vector<gpu::f16, float>();
  if (error == 0) error = prepare_vector<gpu::f16, gpu::f16>();
  if (error == 0) error = prepare_vector<gpu::bf16, float>();
  return error != 0 ? error : prepare_vector<gpu::bf16, gpu::bf16>();
}

int rapt_cuda_launch_rope(const rapt_cuda_rope &plan, const rapt_rope &call, gpu_stream stream) {
  using kernels::tensor_of;
  bool vector = plan.kernel == RAPT_CUDA_ROPE_VECTOR;
  // Numbers of a piece; a pair's piece has as many pairs.
  int64_t numbers = vector ? 16 / rapt_element_size(call.input.dtype) : 1;
  rope_parameters a = {};
  a.call = {tensor_of(call.input),
            tensor_of(call.output),
            tensor_of(call.cosine),
            tensor_of(call.sine),
            tensor_of(call.positions),
            call.heads,
            call.length,
            call.rotary_dim,
            call.table_length,
            call.flags & RAPT_ROPE_INTERLEAVED};
  a.pair_pieces = call.rotary_dim / 2 / numbers;
  a.pieces = a.pair_pieces + (call.head_dim - call.rotary_dim) / numbers;
  a.heads = plan.heads;
  a.groups = (call.heads + plan.heads - 1) / plan.heads;
  a.items = call.batch * call.length * a.groups * a.pieces;
  if (!vector) return launch(kernels::rope_scalar, a, stream);
  switch (call.input.dtype) {
    case RAPT_F16:
      return launch_vector<gpu::f16>(a, stream);
    case RAPT_BF16:
      return launch_vector<gpu::bf16>(a, stream);
    default:
      return launch_vector<float>(a, stream);
  }
}
