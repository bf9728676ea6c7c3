// SPDX-License-Identifier: Apache-2.0
// Starts the kernels that a plan names.
#include "cuda/sdpa/kernels.h"
#include "cuda/sdpa/merge.h"
#include "cuda/sdpa/sdpa.h"
#include "cuda/sdpa/simt.h"

namespace {

using kernels::sdpa_parameters;
using kernels::tensor_of;

int64_t grid_of(int64_t items) { return items < gpu::most_blocks ? items : gpu::most_blocks; }

kernels::sdpa_call call_of(const rapt_sdpa &from) {
  kernels::sdpa_call c = {};
  c.query = tensor_of(from.query);
  c.key = tensor_of(from.key);
  c.key_scale = tensor_of(from.key_scale);
  c.value = tensor_of(from.value);
  c.value_scale = tensor_of(from.value_scale);
  c.output = tensor_of(from.output);
  c.mask = tensor_of(from.mask);
  c.bias = tensor_of(from.bias);
  c.alibi_slopes = tensor_of(from.alibi_slopes);
  c.sinks = tensor_of(from.sinks);
  c.lse = tensor_of(from.lse);
  c.weights = tensor_of(from.weights);
  c.positions = tensor_of(from.positions);
  c.batch = from.batch;
  c.kv_heads = from.kv_heads;
  c.kv_len = from.kv_len;
  c.head_dim = from.head_dim;
  c.value_dim = from.value_dim;
  c.key_scale_groups = from.key_scale_groups;
  c.value_scale_groups = from.value_scale_groups;
  const rapt_sdpa_options &o = from.options;
  c.options = {o.position, o.window_left, o.window_right, o.softcap, o.flags, o.weights_stage};
  return c;
}

sdpa_parameters parameters_of(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch) {
  kernels::sdpa_shape shape = kernels::sdpa_shape_of(plan.kernel, problem.call.query.dtype);
  sdpa_parameters a = {};
  a.problem = {
      call_of(problem.call), problem.appended_keys, tensor_of(problem.key_padding), problem.group,       problem.rows,
      problem.first_query,   problem.score_scale,   problem.softmax_scale,          problem.to_exponent, {}};
  a.tile_rows = shape.rows;
  a.row_tiles = plan.row_tiles;
  a.value_chunks = plan.value_chunks;
  a.splits = plan.splits;
  a.chunk = plan.chunk;
  a.row_warps = kernels::warps_per_row((problem.call.kv_len - 1) / plan.chunk + 1);
  a.special = plan.special;
  a.totals = static_cast<double *>(scratch);
  float *floats = reinterpret_cast<float *>(a.totals + plan.totals * shape.totals);
  if (plan.splits > 1) {
    int64_t partials = plan.samples * problem.call.kv_heads * problem.rows * plan.splits;
    a.partial_output = floats;
    a.partial_maximum = a.partial_output + partials * problem.call.value_dim;
    a.partial_sum = a.partial_maximum + partials;
    floats = a.partial_sum + partials;
  }
  a.problem.shown = a.problem.call.weights;
  if (plan.kept_scores > 0) {
    const rapt_sdpa &c = problem.call;
    int64_t head = c.query_len * c.kv_len;
    a.problem.shown = {floats, {c.query_heads * head, head, c.kv_len, 1}, RAPT_F32};
  }
  return a;
}

using simt_rows = kernels::simt_tiles<64, 64, 16>;
using simt_row = kernels::simt_tiles<16, 128, 64>;

template <typename Tiles>
constexpr int64_t shared_of = sizeof(typename Tiles::memory);

template <typename Tiles>
kernels::sdpa_shape simt_shape() {
  return {Tiles::rows, Tiles::keys, Tiles::values, shared_of<Tiles>, Tiles::stretch, Tiles::totals * Tiles::threads};
}

template <typename Tiles>
int prepare_simt() {
  return gpu::prepare(kernels::attention_simt<Tiles>, shared_of<Tiles>);
}

template <typename Tiles>
int launch_simt(int64_t blocks, const sdpa_parameters &a, gpu_stream stream) {
  return gpu::launch(kernels::attention_simt<Tiles>, blocks, Tiles::threads, shared_of<Tiles>, stream, a);
}

int launch_blocks(const rapt_cuda_sdpa &plan, const sdpa_parameters &a, gpu_stream stream) {
  int64_t blocks = grid_of(a.items);
  if (plan.totals > 0 && plan.totals < blocks) blocks = plan.totals;
  if (plan.kernel == kernels::simt_decode) return launch_simt<simt_row>(blocks, a, stream);
  if (plan.kernel == kernels::simt_prefill) return launch_simt<simt_rows>(blocks, a, stream);
  return a.problem.call.query.dtype == RAPT_F16 ? kernels::launch_mma_f16(plan.kernel, blocks, a, stream)
                                                : kernels::launch_mma_bf16(plan.kernel, blocks, a, stream);
}

constexpr int64_t merge_shared = sizeof(kernels::merge_memory);

}  // namespace

kernels::sdpa_shape kernels::sdpa_shape_of(int32_t kernel, int32_t dtype) {
  if (kernel == simt_decode) return simt_shape<simt_row>();
  if (kernel == simt_prefill) return simt_shape<simt_rows>();
  return dtype == RAPT_F16 ? mma_shape_f16(kernel) : mma_shape_bf16(kernel);
}

int rapt_cuda_prepare_sdpa(const rapt_cuda_properties &properties) {
  int error = prepare_simt<simt_rows>();
  if (error == 0) error = prepare_simt<simt_row>();
  if (error == 0) error = gpu::prepare(kernels::attention_merge, merge_shared);
  if (error == 0) error = kernels::prepare_mma_f16(properties.shared_per_block_optin);
  return error != 0 ? error : kernels::prepare_mma_bf16(properties.shared_per_block_optin);
}

int rapt_cuda_launch_sdpa(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch,
                          gpu_stream stream) {
  const rapt_sdpa &c = problem.call;
  sdpa_parameters a = parameters_of(plan, problem, scratch);
  int error = 0;
  for (int64_t sample = 0; sample < c.batch && error == 0; sample += plan.samples) {
    a.first_unit = sample * c.kv_heads;
    a.units = (c.batch - sample < plan.samples ? c.batch - sample : plan.samples) * c.kv_heads;
    a.items = a.units * plan.row_tiles * plan.splits * plan.value_chunks;
    error = launch_blocks(plan, a, stream);
    if (error == 0 && plan.splits > 1) {
      int64_t rows = a.units * problem.rows, block_rows = kernels::merge_warps / a.row_warps;
      error = gpu::launch(kernels::attention_merge, grid_of((rows + block_rows - 1) / block_rows),
                          kernels::merge_threads, merge_shared, stream, a);
    }
  }
  return error;
}
