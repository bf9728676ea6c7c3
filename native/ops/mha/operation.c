// SPDX-License-Identifier: Apache-2.0
// From a caller's rapt_mha to the projections and the attention it is made of.
#include <inttypes.h>

#include "base/error.h"
#include "call/check.h"
#include "ops/mha/problem.h"

_Static_assert(sizeof(rapt_mha_problem) <= RAPT_PROBLEM_ROOM, "a call's room");
_Static_assert(sizeof(rapt_mha) == 1080, "ABI: sizeof(rapt_mha)");
_Static_assert(offsetof(rapt_mha, options) == 1000, "ABI: rapt_mha.options");

#define AT(field) ((int32_t)offsetof(rapt_mha, field))

// B batch, H query heads, G kv heads, S query length, T kv length. Derived: D head dim, V value dim, U kv length with
// the appended keys, A heads of the weights output, I, J and K input features of query, key and value, O output
// features, X and Y features of the projected key and value.
static const rapt_dimension dimensions[] = {
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},           {'H', "query_heads", AT(query_heads), 1, RAPT_MAX_FEATURES},
    {'G', "kv_heads", AT(kv_heads), 1, RAPT_MAX_FEATURES}, {'S', "query_len", AT(query_len), 0, RAPT_MAX_SIZE},
    {'T', "kv_len", AT(kv_len), 0, RAPT_MAX_SIZE},         {.name = NULL},
};

static const rapt_operand operands[] = {
    {"query", AT(query), RAPT_READ, RAPT_FLOATS, "BSI", .optional = 0},
    {"key", AT(key), RAPT_READ, RAPT_FLOATS, "BTJ", .optional = 0},
    {"value", AT(value), RAPT_READ, RAPT_FLOATS, "BTK", .optional = 0},
    {"output", AT(output), RAPT_WRITE, RAPT_FLOATS, "BSO", .optional = 0},
    {"mask", AT(mask), RAPT_READ, RAPT_ONLY(RAPT_BOOL), "BHST", .optional = 1},
    {"bias", AT(bias), RAPT_READ, RAPT_FLOATS, "BHST", .optional = 1},
    {"key_padding_mask", AT(key_padding_mask), RAPT_READ, RAPT_ONLY(RAPT_BOOL), "BT", .optional = 1},
    {"bias_key", AT(bias_key), RAPT_READ, RAPT_FLOATS, "X", .optional = 1},
    {"bias_value", AT(bias_value), RAPT_READ, RAPT_FLOATS, "Y", .optional = 1},
    {"alibi_slopes", AT(alibi_slopes), RAPT_READ, RAPT_ONLY(RAPT_F32), "BH", .optional = 1},
    {"sinks", AT(sinks), RAPT_READ, RAPT_ONLY(RAPT_F32), "BH", .optional = 1},
    {"lse", AT(lse), RAPT_WRITE, RAPT_ONLY(RAPT_F32), "BHS", .optional = 1},
    {"weights", AT(weights), RAPT_WRITE, RAPT_FLOATS, "BASU", .optional = 1},
    {"positions", AT(positions), RAPT_READ, RAPT_INDICES, "B", .optional = 1},
    {.name = NULL},
};

static const rapt_weights_operand projections[] = {
    {"query_projection", AT(query_projection), .optional = 0},
    {"key_projection", AT(key_projection), .optional = 0},
    {"value_projection", AT(value_projection), .optional = 0},
    {"output_projection", AT(output_projection), .optional = 1},
    {.name = NULL},
};

static const rapt_field fields[] = {
    RAPT_SDPA_OPTIONS_FIELDS(rapt_mha),
    {"mha_flags", AT(mha_flags)},
    {"reserved", AT(reserved)},
    {.name = NULL},
};

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

// Derives the head dims from the projections' features, and checks them.
static rapt_status check_features(const rapt_mha *c, rapt_sizes *sizes, rapt_error *error) {
  int64_t query_width = c->query_projection->out_features, key_width = c->key_projection->out_features;
  int64_t value_width = c->value_projection->out_features;
  RAPT_CHECK(check_divides("query_projection", query_width, "query_heads", c->query_heads, error));
  RAPT_CHECK(check_divides("key_projection", key_width, "kv_heads", c->kv_heads, error));
  RAPT_CHECK(check_divides("value_projection", value_width, "kv_heads", c->kv_heads, error));
  int64_t head_dim = query_width / c->query_heads, value_dim = value_width / c->kv_heads;
  RAPT_CHECK(rapt_check_size("head_dim", head_dim, 1, RAPT_MAX_HEAD_DIM, error));
  RAPT_CHECK(rapt_check_size("value_dim", value_dim, 1, RAPT_MAX_HEAD_DIM, error));
  RAPT_CHECK(check_equal("head_dim of key_projection", key_width / c->kv_heads, "query_projection", head_dim, error));
  *rapt_size(sizes, 'D') = head_dim;
  *rapt_size(sizes, 'V') = value_dim;
  *rapt_size(sizes, 'I') = c->query_projection->in_features;
  *rapt_size(sizes, 'J') = c->key_projection->in_features;
  *rapt_size(sizes, 'K') = c->value_projection->in_features;
  *rapt_size(sizes, 'X') = key_width;
  *rapt_size(sizes, 'Y') = value_width;
  *rapt_size(sizes, 'O') = c->query_heads * value_dim;
  if (c->output_projection == NULL) return RAPT_OK;
  *rapt_size(sizes, 'O') = c->output_projection->out_features;
  return check_equal("in_features of output_projection", c->output_projection->in_features,
                     "query_heads times value_dim", c->query_heads * value_dim, error);
}

// Checks that an int64 counts the elements of a projection's rows.
static rapt_status check_rows(const char *name, int64_t rows, const rapt_linear_weights *weights, rapt_error *error) {
  int64_t count;
  if (!__builtin_mul_overflow(rows, weights->out_features, &count)) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "%" PRId64 " rows times the %" PRId64 " features of %s overflow 64 bits", rows,
                   weights->out_features, name);
}

static rapt_status rules(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error) {
  (void)cases;
  rapt_mha *c = call;
  RAPT_CHECK(rapt_sdpa_check_heads(c->query_heads, c->kv_heads, error));
  RAPT_CHECK(check_features(c, sizes, error));
  RAPT_CHECK(
      rapt_check_flags("mha_flags", c->mha_flags, RAPT_MHA_ADD_ZERO_ATTENTION | RAPT_MHA_AVERAGE_WEIGHTS, error));
  if (c->reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed: 0", c->reserved);
  int with_key = rapt_is_present(&c->bias_key), with_value = rapt_is_present(&c->bias_value);
  if (with_key != with_value) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is absent while %s is given; give both or neither",
                     with_key ? "bias_value" : "bias_key", with_key ? "bias_key" : "bias_value");
  }
  RAPT_CHECK(rapt_sdpa_check_options(&c->options, &c->positions, error));
  rapt_sdpa_place_options(&c->options, c->query_len, c->kv_len);
  *rapt_size(sizes, 'U') = c->kv_len + with_key + ((c->mha_flags & RAPT_MHA_ADD_ZERO_ATTENTION) != 0);
  RAPT_CHECK(check_rows("query_projection", c->query_len, c->query_projection, error));
  RAPT_CHECK(check_rows("key_projection", *rapt_size(sizes, 'U'), c->key_projection, error));
  RAPT_CHECK(check_rows("value_projection", *rapt_size(sizes, 'U'), c->value_projection, error));
  *rapt_size(sizes, 'A') = (c->mha_flags & RAPT_MHA_AVERAGE_WEIGHTS) != 0 ? 1 : c->query_heads;
  return RAPT_OK;
}

static rapt_product project(const rapt_linear_weights *weights, const rapt_tensor *input, int64_t batch, int64_t rows,
                            int64_t output_rows) {
  rapt_product p = {.weights = weights, .input = *input, .batch = batch, .rows = rows};
  p.output =
      (rapt_tensor){.stride = {output_rows * weights->out_features, weights->out_features, 1}, .dtype = RAPT_F32};
  return p;
}

// A projected (batch, rows, heads * depth) buffer as (batch, heads, rows, depth).
static rapt_tensor split_heads(int64_t rows, int64_t heads, int64_t depth) {
  return (rapt_tensor){.stride = {rows * heads * depth, depth, heads * depth, 1}, .dtype = RAPT_F32};
}

static void derive(void *memory, const rapt_sizes *sizes) {
  rapt_mha_problem *p = memory;
  const rapt_mha *c = &p->call;
  p->head_dim = sizes->of['D' - 'A'];
  p->value_dim = sizes->of['V' - 'A'];
  p->total_len = sizes->of['U' - 'A'];
  p->averaged = rapt_is_present(&c->weights) && (c->mha_flags & RAPT_MHA_AVERAGE_WEIGHTS) != 0;
  p->output = (rapt_product){.weights = NULL};
  p->query = project(c->query_projection, &c->query, c->batch, c->query_len, c->query_len);
  p->key = project(c->key_projection, &c->key, c->batch, c->kv_len, p->total_len);
  p->value = project(c->value_projection, &c->value, c->batch, c->kv_len, p->total_len);
  p->attention = (rapt_sdpa_problem){.appended_keys = p->total_len - c->kv_len, .key_padding = c->key_padding_mask};
  p->attention.call = (rapt_sdpa){.head = {.struct_size = sizeof(rapt_sdpa)},
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
                                  .positions = c->positions,
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
    p->output = (rapt_product){.weights = c->output_projection,
                               .input = attended,
                               .output = c->output,
                               .batch = c->batch,
                               .rows = c->query_len};
  } else {
    // Without an output projection attention writes the caller's output, heads side by side.
    p->attention.call.output = (rapt_tensor){
        .data = c->output.data,
        .stride = {c->output.stride[0], p->value_dim * c->output.stride[2], c->output.stride[1], c->output.stride[2]},
        .dtype = c->output.dtype};
  }
  rapt_sdpa_derive(&p->attention);
}

const rapt_operation rapt_operation_mha = {
    .word = "mha",
    .struct_name = "rapt_mha",
    .struct_size = sizeof(rapt_mha),
    .dimensions = dimensions,
    .operands = operands,
    .weights = projections,
    .fields = fields,
    .rules = rules,
    .derive = derive,
};

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
  rapt_tensor *by_batch[] = {&c->key, &c->value, &c->alibi_slopes, &c->sinks, &c->positions};
  for (int i = 0; i < 5; i++) {
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
