// SPDX-License-Identifier: Apache-2.0
// Starts the kernels that a plan names.
#include "cuda/sdpa/kernels.h"
#include "cuda/sdpa/merge.h"
#include "cuda/sdpa/sdpa.h"
#include "cuda/sdpa/simt.h"

namespace {

using kernels::sdpa_parameters;

int64_t grid_of(int64_t items) { return items < gpu::most_blocks ? items : gpu::most_blocks; }

sdpa_parameters parameters_of(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch) {
  int64_t units = problem.call.batch * problem.call.kv_heads;
  sdpa_parameters a = {};
  a.problem = problem;
  a.row_tiles = plan.row_tiles;
  a.value_chunks = plan.value_chunks;
  a.splits = plan.splits;
  a.chunk = plan.chunk;
  a.items = units * plan.row_tiles * plan.splits * plan.value_chunks;
  a.special = plan.special;
  if (plan.splits > 1) {
    int64_t partials = units * problem.rows * plan.splits;
    a.partial_output = static_cast<float *>(scratch);
    a.partial_maximum = a.partial_output + partials * problem.call.value_dim;
    a.partial_sum = a.partial_maximum + partials;
  }
  return a;
}

// Prefill and decode.
using simt_rows = kernels::simt_tiles<64, 64, 16>;
using simt_row = kernels::simt_tiles<16, 128, 64>;

template <typename Tiles>
int prepare_simt() {
  return gpu::prepare(kernels::attention_simt<Tiles>, static_cast<int64_t>(sizeof(typename Tiles::memory)));
}

template <typename Tiles>
int launch_simt(const sdpa_parameters &a, gpu_stream stream) {
  return gpu::launch(kernels::attention_simt<Tiles>, grid_of(a.items), Tiles::threads,
                     static_cast<int64_t>(sizeof(typename Tiles::memory)), stream, a);
}

int launch_main(const rapt_cuda_sdpa &plan, const sdpa_parameters &a, gpu_stream stream) {
  if (plan.family == RAPT_CUDA_MMA) {
    kernels::mma_choice kernel = {plan.bucket, plan.decode, plan.special, plan.narrow};
    return a.problem.call.query.dtype == RAPT_F16 ? kernels::launch_mma_f16(kernel, grid_of(a.items), a, stream)
                                                  : kernels::launch_mma_bf16(kernel, grid_of(a.items), a, stream);
  }
  return plan.decode ? launch_simt<simt_row>(a, stream) : launch_simt<simt_rows>(a, stream);
}

}  // namespace

int rapt_cuda_prepare_sdpa(const rapt_cuda_properties &properties) {
  int error = prepare_simt<simt_rows>();
  if (error == 0) error = prepare_simt<simt_row>();
  if (error == 0) error = gpu::prepare(kernels::attention_merge, static_cast<int64_t>(sizeof(kernels::merge_memory)));
  if (error == 0) error = kernels::prepare_mma_f16(properties.shared_per_block_optin);
  return error != 0 ? error : kernels::prepare_mma_bf16(properties.shared_per_block_optin);
}

int rapt_cuda_launch_sdpa(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch,
                          gpu_stream stream) {
  if (plan.family == RAPT_CUDA_EMPTY) return 0;
  sdpa_parameters a = parameters_of(plan, problem, scratch);
  int error = launch_main(plan, a, stream);
  if (error != 0 || plan.splits == 1) return error;
  int64_t rows = problem.call.batch * problem.call.kv_heads * problem.rows;
  return gpu::launch(kernels::attention_merge, grid_of(rows), kernels::merge_threads,
                     static_cast<int64_t>(sizeof(kernels::merge_memory)), stream, a);
}
