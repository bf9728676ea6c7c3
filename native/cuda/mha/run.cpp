// SPDX-License-Identifier: Apache-2.0
// The steps of multi-head attention, one after the other on one stream.
#include "cuda/mha/mha.h"
#include "cuda/runtime/rows.h"

namespace {

// The steps of one call, up to the first that fails.
struct steps {
  const rapt_cuda_mha &plan;
  const rapt_mha_problem &p;
  void *shared;
  gpu_stream stream;
  int code;

  void project(const rapt_cuda_linear &step, const rapt_product &product) {
    if (code == 0 && product.rows > 0) code = rapt_cuda_launch_linear(step, product, stream);
  }

  // Writes row kv_len and the following of every batch entry: the bias where there is one, then zeros where asked for.
  void append(const rapt_product &projected, const rapt_tensor &bias, int64_t features) {
    rapt_tensor to = projected.output, from = bias;
    to.data = rapt_row(&projected.output, 0, p.call.kv_len, 0);
    to.stride[1] = 1;
    from.stride[1] = bias.stride[0];
    from.stride[0] = 0;
    if (code == 0 && rapt_is_present(&bias)) {
      code = rapt_cuda_copy_rows(from, to, p.call.batch, features, stream);
      to.data = rapt_row(&projected.output, 0, p.call.kv_len + 1, 0);
    }
    if (code == 0 && (p.call.mha_flags & RAPT_MHA_ADD_ZERO_ATTENTION) != 0) {
      from.dtype = 0;
      code = rapt_cuda_copy_rows(from, to, p.call.batch, features, stream);
    }
  }

  void attend() {
    if (code == 0) code = rapt_cuda_launch_sdpa(plan.attention, p.attention, shared, stream);
  }

  // Slice after slice, so that scratch holds the weights of all heads for one slice only.
  void attend_averaged(float *head_weights) {
    const rapt_tensor &weights = p.call.weights;
    for (int64_t b = 0; b < p.call.batch; b++) {
      for (int64_t first = 0; first < p.call.query_len && code == 0; first += plan.slice_rows) {
        int64_t left = p.call.query_len - first;
        bool full = left >= plan.slice_rows;
        int64_t count = full ? plan.slice_rows : left;
        rapt_sdpa_problem slice;
        rapt_mha_slice(&p, b, first, count, head_weights, plan.slice_rows, &slice);
        code = rapt_cuda_launch_sdpa(full ? plan.attention : plan.last, slice, shared, stream);
        rapt_cuda_mean mean = {head_weights, weights, p.call.query_heads, plan.slice_rows, count, p.total_len};
        mean.to.data = rapt_row(&weights, b, 0, first);
        mean.to.stride[0] = weights.stride[2];
        mean.to.stride[1] = weights.stride[3];
        if (code == 0) code = rapt_cuda_mean_over_heads(mean, stream);
      }
    }
  }
};

}  // namespace

int rapt_cuda_launch_mha(const rapt_cuda_mha &plan, rapt_mha_problem *p, void *scratch, gpu_stream stream) {
  rapt_arena arena = {static_cast<unsigned char *>(scratch), 0, 0};
  float *head_weights;
  void *shared = rapt_cuda_mha_place(&arena, plan, p, &head_weights);
  steps s = {plan, *p, shared, stream, 0};
  s.project(plan.query, p->query);
  s.project(plan.key, p->key);
  s.project(plan.value, p->value);
  s.append(p->key, p->call.bias_key, p->key.weights->out_features);
  s.append(p->value, p->call.bias_value, p->value.weights->out_features);
  if (p->averaged) {
    s.attend_averaged(head_weights);
  } else {
    s.attend();
  }
  if (p->call.output_projection != nullptr) s.project(plan.output, p->output);
  return s.code;
}
