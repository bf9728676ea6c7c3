// SPDX-License-Identifier: Apache-2.0
// Starts the kernels that a plan names.
#include "cuda/sdpa/kernels.h"
#include "cuda/sdpa/merge.h"
#include "cuda/sdpa/samples.h"
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
    int64_t head = (rapt_is_present(&c.query_starts) ? c.total_queries : c.query_len) * c.kv_len;
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

int64_t blocks_of(const rapt_cuda_sdpa &plan, int64_t items) {
  int64_t blocks = grid_of(items);
  return plan.totals > 0 && plan.totals < blocks ? plan.totals : blocks;
}

static_assert(simt_row::rows == kernels::few_rows && simt_row::values == simt_rows::values, "as kernels take samples");

template <typename Tiles, bool PAGED>
constexpr int64_t shared_of_samples = sizeof(kernels::samples_memory<Tiles, PAGED>);

template <bool PAGED>
kernels::sdpa_shape samples_shape() {
  kernels::sdpa_shape shape = simt_shape<simt_rows>();
  int64_t few = shared_of_samples<simt_row, PAGED>, many = shared_of_samples<simt_rows, PAGED>;
  shape.shared = few > many ? few : many;
  return shape;
}

template <bool PAGED>
int prepare_samples() {
  int error = gpu::prepare(kernels::attention_samples<simt_rows, PAGED>, shared_of_samples<simt_rows, PAGED>);
  if (error != 0) return error;
  return gpu::prepare(kernels::attention_samples<simt_row, PAGED>, shared_of_samples<simt_row, PAGED>);
}

template <typename Tiles, bool PAGED>
int launch_tiles(const rapt_cuda_sdpa &plan, kernels::samples_parameters s, int64_t row_tiles, gpu_stream stream) {
  s.all.tile_rows = Tiles::rows;
  s.all.row_tiles = row_tiles;
  s.all.items = s.all.units * row_tiles * s.all.value_chunks;
  return gpu::launch(kernels::attention_samples<Tiles, PAGED>, blocks_of(plan, s.all.items), Tiles::threads,
                     shared_of_samples<Tiles, PAGED>, stream, s);
}

template <bool PAGED>
int launch_samples(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, const sdpa_parameters &all,
                   gpu_stream stream) {
  const rapt_sdpa &c = problem.call;
  // Ragged tensors may hold tokens of no sample.
  if (c.batch == 0) return 0;
  kernels::samples_parameters s = {
      all,
      {tensor_of(c.key_lengths), tensor_of(c.query_starts), tensor_of(c.key_starts), tensor_of(c.page_table),
       c.query_len, c.total_queries, c.total_keys, c.pages, c.page_size}};
  s.all.first_unit = 0;
  s.all.units = c.batch * c.kv_heads;
  int error = launch_tiles<simt_row, PAGED>(plan, s, 1, stream);
  if (error == 0 && problem.rows > kernels::few_rows) {
    error = launch_tiles<simt_rows, PAGED>(plan, s, plan.row_tiles, stream);
  }
  if (error != 0 || !rapt_is_present(&c.weights)) return error;
  return gpu::launch(kernels::attention_missing, grid_of(c.batch * c.query_heads), kernels::missing_threads, 0, stream,
                     s);
}

int launch_blocks(const rapt_cuda_sdpa &plan, const sdpa_parameters &a, gpu_stream stream) {
  int64_t blocks = blocks_of(plan, a.items);
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
  if (kernel == simt_samples) return samples_shape<false>();
  if (kernel == simt_pages) return samples_shape<true>();
  return dtype == RAPT_F16 ? mma_shape_f16(kernel) : mma_shape_bf16(kernel);
}

int rapt_cuda_prepare_sdpa(const rapt_cuda_properties &properties) {
  int error = prepare_simt<simt_rows>();
  if (error == 0) error = prepare_simt<simt_row>();
  if (error == 0) error = prepare_samples<false>();
  if (error == 0) error = prepare_samples<true>();
  if (error == 0) error = gpu::prepare(kernels::attention_missing, 0);
  if (error == 0) error = gpu::prepare(kernels::attention_merge, merge_shared);
  if (error == 0) error = kernels::prepare_mma_f16(properties.shared_per_block_optin);
  return error != 0 ? error : kernels::prepare_mma_bf16(properties.shared_per_block_optin);
}

int rapt_cuda_launch_sdpa(const rapt_cuda_sdpa &plan, const rapt_sdpa_problem &problem, void *scratch,
                          gpu_stream stream) {
  const rapt_sdpa &c = problem.call;
  sdpa_parameters a = parameters_of(plan, problem, scratch);
  if (plan.kernel == kernels::simt_samples) return launch_samples<false>(plan, problem, a, stream);
  if (plan.kernel == kernels::simt_pages) return launch_samples<true>(plan, problem, a, stream);
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
