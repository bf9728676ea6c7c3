// SPDX-License-Identifier: Apache-2.0
// From a caller's rapt_mha to the projections and the attention problem it is made of.
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "ops/mha/problem.h"
#include "call/params.h"
#include "cpu/engine/rows.h"
#include "call/validate.h"

#define CHECK(expression)                   \
  do {                                      \
    rapt_status status_ = (expression);     \
    if (status_ != RAPT_OK) return status_; \
  } while (0)

static rapt_status check_divides(const char *name, int64_t features, const char *heads_name, int64_t heads,
                                 rapt_error *error) {
  if (features % heads == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s has %" PRId64 " features, not a multiple of %s, %" PRId64, name,
                   features, heads_name, heads);
}

static rapt_status check_equal(const char *name, int64_t value, const char *other, int64_t expected,
                               rapt_error *error) {
  if (value == expected) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %" PRId64 "; %s needs %" PRId64, name, value, other, expected);
}

static rapt_status check_sizes(const void *device, rapt_linear_check check, rapt_mha_problem *p, rapt_error *error) {
  const rapt_mha *c = &p->call;
  CHECK(check(device, "query_projection", c->query_projection, error));
  CHECK(check(device, "key_projection", c->key_projection, error));
  CHECK(check(device, "value_projection", c->value_projection, error));
  if (c->output_projection != NULL) {
    CHECK(check(device, "output_projection", c->output_projection, error));
  }
  CHECK(rapt_check_size("batch", c->batch, 0, RAPT_MAX_SIZE, error));
  CHECK(rapt_check_size("query_heads", c->query_heads, 1, RAPT_MAX_FEATURES, error));
  CHECK(rapt_check_size("kv_heads", c->kv_heads, 1, RAPT_MAX_FEATURES, error));
  CHECK(rapt_check_size("query_len", c->query_len, 0, RAPT_MAX_SIZE, error));
  CHECK(rapt_check_size("kv_len", c->kv_len, 0, RAPT_MAX_SIZE, error));
  if (c->query_heads % c->kv_heads != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "query_heads is %" PRId64 ", which is not a multiple of kv_heads, %" PRId64, c->query_heads,
                     c->kv_heads);
  }
  int64_t query_width = c->query_projection->out_features, key_width = c->key_projection->out_features;
  int64_t value_width = c->value_projection->out_features;
  CHECK(check_divides("query_projection", query_width, "query_heads", c->query_heads, error));
  CHECK(check_divides("key_projection", key_width, "kv_heads", c->kv_heads, error));
  CHECK(check_divides("value_projection", value_width, "kv_heads", c->kv_heads, error));
  p->head_dim = query_width / c->query_heads;
  p->value_dim = value_width / c->kv_heads;
  CHECK(rapt_check_size("head_dim", p->head_dim, 1, RAPT_MAX_HEAD_DIM, error));
  CHECK(rapt_check_size("value_dim", p->value_dim, 1, RAPT_MAX_HEAD_DIM, error));
  CHECK(check_equal("head_dim of key_projection", key_width / c->kv_heads, "query_projection", p->head_dim, error));
  if (c->output_projection != NULL) {
    CHECK(check_equal("in_features of output_projection", c->output_projection->in_features,
                      "query_heads times value_dim", c->query_heads * p->value_dim, error));
  }
  const int32_t known = RAPT_MHA_ADD_ZERO_ATTENTION | RAPT_MHA_AVERAGE_WEIGHTS;
  if ((c->mha_flags & ~known) != 0 || c->reserved != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "mha_flags is 0x%x and reserved %d; known bits are 0x%x, and 0",
                     (unsigned)c->mha_flags, c->reserved, (unsigned)known);
  }
  if ((c->bias_key.data == NULL) != (c->bias_value.data == NULL)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is NULL while %s is given; give both or neither",
                     c->bias_key.data == NULL ? "bias_key" : "bias_value",
                     c->bias_key.data == NULL ? "bias_value" : "bias_key");
  }
  return RAPT_OK;
}

static rapt_status check_tensors(const rapt_mha_problem *p, rapt_error *error) {
  const rapt_mha *c = &p->call;
  int64_t heads = c->query_heads;
  int64_t out = c->output_projection != NULL ? c->output_projection->out_features : heads * p->value_dim;
  const int64_t query[] = {c->batch, c->query_len, c->query_projection->in_features};
  const int64_t key[] = {c->batch, c->kv_len, c->key_projection->in_features};
  const int64_t value[] = {c->batch, c->kv_len, c->value_projection->in_features};
  const int64_t output[] = {c->batch, c->query_len, out};
  const int64_t scores[] = {c->batch, heads, c->query_len, c->kv_len};
  const int64_t padding[] = {c->batch, c->kv_len};
  const int64_t weights[] = {c->batch, p->averaged ? 1 : heads, c->query_len, p->total_len};
  const int64_t key_width[] = {c->key_projection->out_features}, value_width[] = {c->value_projection->out_features};
  rapt_view read[10], written[3];
  CHECK(rapt_check_tensor("query", &c->query, RAPT_ANY_FLOAT, 3, query, &read[0], error));
  CHECK(rapt_check_tensor("key", &c->key, RAPT_ANY_FLOAT, 3, key, &read[1], error));
  CHECK(rapt_check_tensor("value", &c->value, RAPT_ANY_FLOAT, 3, value, &read[2], error));
  CHECK(rapt_check_optional("mask", &c->mask, RAPT_BOOL, 4, scores, &read[3], error));
  CHECK(rapt_check_optional("bias", &c->bias, RAPT_ANY_FLOAT, 4, scores, &read[4], error));
  CHECK(rapt_check_optional("key_padding_mask", &c->key_padding_mask, RAPT_BOOL, 2, padding, &read[5], error));
  CHECK(rapt_check_optional("bias_key", &c->bias_key, RAPT_ANY_FLOAT, 1, key_width, &read[6], error));
  CHECK(rapt_check_optional("bias_value", &c->bias_value, RAPT_ANY_FLOAT, 1, value_width, &read[7], error));
  CHECK(rapt_check_optional("alibi_slopes", &c->alibi_slopes, RAPT_F32, 2, scores, &read[8], error));
  CHECK(rapt_check_optional("sinks", &c->sinks, RAPT_F32, 2, scores, &read[9], error));
  CHECK(rapt_check_tensor("output", &c->output, RAPT_ANY_FLOAT, 3, output, &written[0], error));
  CHECK(rapt_check_optional("lse", &c->lse, RAPT_F32, 3, scores, &written[1], error));
  CHECK(rapt_check_optional("weights", &c->weights, RAPT_F32, 4, weights, &written[2], error));
  return rapt_check_overlaps(written, 3, read, 10, error);
}

static rapt_linear_problem project(const rapt_linear_weights *linear, const rapt_tensor *input, int64_t batch, int64_t rows,
                               int64_t output_rows) {
  rapt_linear_problem p = {.linear = linear, .input = *input, .batch = batch, .rows = rows};
  p.output = (rapt_tensor){.stride = {output_rows * linear->out_features, linear->out_features, 1}, .dtype = RAPT_F32};
  return p;
}

// A projected (batch, rows, heads * depth) buffer as (batch, heads, rows, depth).
static rapt_tensor split_heads(int64_t rows, int64_t heads, int64_t depth) {
  return (rapt_tensor){.stride = {rows * heads * depth, depth, heads * depth, 1}, .dtype = RAPT_F32};
}

static void compose(rapt_mha_problem *p) {
  const rapt_mha *c = &p->call;
  p->query = project(c->query_projection, &c->query, c->batch, c->query_len, c->query_len);
  p->key = project(c->key_projection, &c->key, c->batch, c->kv_len, p->total_len);
  p->value = project(c->value_projection, &c->value, c->batch, c->kv_len, p->total_len);
  p->attention = (rapt_sdpa_problem){.appended_keys = p->total_len - c->kv_len, .key_padding = c->key_padding_mask};
  p->attention.call = (rapt_sdpa){.struct_size = sizeof(rapt_sdpa),
                                       .query = split_heads(c->query_len, c->query_heads, p->head_dim),
                                       .key = split_heads(p->total_len, c->kv_heads, p->head_dim),
                                       .value = split_heads(p->total_len, c->kv_heads, p->value_dim),
                                       .output = split_heads(c->query_len, c->query_heads, p->value_dim),
                                       .mask = c->mask,
                                       .bias = c->bias,
                                       .alibi_slopes = c->alibi_slopes,
                                       .sinks = c->sinks,
                                       .lse = c->lse,
                                       .weights = c->weights,
                                       .batch = c->batch,
                                       .query_heads = c->query_heads,
                                       .kv_heads = c->kv_heads,
                                       .query_len = c->query_len,
                                       .kv_len = p->total_len,
                                       .head_dim = p->head_dim,
                                       .value_dim = p->value_dim,
                                       .options = c->options};
  if (c->output_projection != NULL) {
    rapt_tensor attended = {.stride = {c->query_len * c->query_heads * p->value_dim, c->query_heads * p->value_dim, 1},
                            .dtype = RAPT_F32};
    p->output = (rapt_linear_problem){.linear = c->output_projection,
                                  .input = attended,
                                  .output = c->output,
                                  .batch = c->batch,
                                  .rows = c->query_len};
  } else {
    // The heads side by side are the caller's output itself.
    p->attention.call.output = (rapt_tensor){
        .data = c->output.data,
        .stride = {c->output.stride[0], p->value_dim * c->output.stride[2], c->output.stride[1], c->output.stride[2]},
        .dtype = c->output.dtype};
  }
  rapt_sdpa_derive(&p->attention);
}

rapt_status rapt_mha_validate(const void *device, rapt_linear_check check, const rapt_mha *call,
                              rapt_mha_problem *problem, rapt_error *error) {
  memset(problem, 0, sizeof *problem);
  CHECK(rapt_read_struct(call, &problem->call, sizeof problem->call, "rapt_mha", error));
  CHECK(check_sizes(device, check, problem, error));
  CHECK(rapt_check_options(&problem->call.options, error));
  CHECK(rapt_check_scratch(problem->call.scratch, problem->call.scratch_size, error));
  const rapt_mha *c = &problem->call;
  problem->total_len = c->kv_len + (c->bias_key.data != NULL) + ((c->mha_flags & RAPT_MHA_ADD_ZERO_ATTENTION) != 0);
  problem->averaged = c->weights.data != NULL && (c->mha_flags & RAPT_MHA_AVERAGE_WEIGHTS) != 0;
  CHECK(check_tensors(problem, error));
  compose(problem);
  return RAPT_OK;
}

void rapt_mha_slice(const rapt_mha_problem *p, int64_t batch, int64_t first, int64_t count, float *head_weights,
                    int64_t head_rows, rapt_sdpa_problem *slice) {
  *slice = p->attention;
  rapt_sdpa *c = &slice->call;
  c->batch = 1;
  c->query_len = count;
  slice->first_query = first;
  rapt_tensor *by_query[] = {&c->query, &c->output, &c->bias, &c->lse};
  for (int i = 0; i < 4; i++) {
    if (by_query[i]->data != NULL) by_query[i]->data = rapt_row(by_query[i], batch, 0, first);
  }
  rapt_tensor *by_batch[] = {&c->key, &c->value, &c->alibi_slopes, &c->sinks};
  for (int i = 0; i < 4; i++) {
    if (by_batch[i]->data != NULL) by_batch[i]->data = rapt_row(by_batch[i], batch, 0, 0);
  }
  rapt_tensor *padding = &slice->key_padding;
  if (c->mask.data != NULL) {
    c->mask.data = (uint8_t *)c->mask.data + batch * c->mask.stride[0] + first * c->mask.stride[2];
  }
  if (padding->data != NULL) padding->data = (uint8_t *)padding->data + batch * padding->stride[0];
  c->weights =
      (rapt_tensor){.data = head_weights, .stride = {0, head_rows * p->total_len, p->total_len, 1}, .dtype = RAPT_F32};
  rapt_sdpa_derive(slice);
}
