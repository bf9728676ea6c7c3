// SPDX-License-Identifier: Apache-2.0
// Linear and multi-head attention calls broken in one place each, as abi_sdpa_test does for attention.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "support/check.h"
#include "support/contexts.h"

static fixture f;

// name, statement that breaks `c`, text the message must hold.
#define BROKEN_WEIGHTS(X)                                               \
  X(struct_size, c->struct_size = 0, "struct_size")                     \
  X(struct_size_max, c->struct_size = INT64_MAX, "struct_size")         \
  X(weight_null, c->weight.data = NULL, "weight is NULL")               \
  X(weight_absent, c->weight = (rapt_tensor){0}, "weight is absent")    \
  X(weight_misaligned, c->weight.data = (char *)f.weight + 2, "weight") \
  X(weight_dtype, c->weight.dtype = RAPT_BOOL, "weight")                \
  X(weight_reserved, c->weight.reserved = 1, "weight")                  \
  X(weight_stride, c->weight.stride[0] = INT64_MAX, "weight")           \
  X(bias_misaligned, c->bias.data = (char *)f.weight_bias + 1, "bias")  \
  X(bias_dtype, c->bias.dtype = 0, "bias is given, but its dtype is 0") \
  X(in_zero, c->in_features = 0, "in_features")                         \
  X(in_negative, c->in_features = -1, "-1")                             \
  X(in_large, c->in_features = (INT64_C(1) << 24) + 1, "16777217")      \
  X(out_zero, c->out_features = 0, "out_features")                      \
  X(out_max, c->out_features = INT64_MAX, "9223372036854775807")

#define BROKEN_LINEAR(X)                                                      \
  X(struct_size, c->head.struct_size = -1, "-1")                              \
  X(weights_null, c->weights = NULL, "weights")                               \
  X(input_absent, c->input = (rapt_tensor){0}, "input is absent")             \
  X(output_absent, c->output = (rapt_tensor){0}, "output is absent")          \
  X(input_misaligned, c->input.data = (char *)f.query + 1, "input")           \
  X(output_misaligned, c->output.data = (char *)f.output + 3, "output")       \
  X(input_dtype, c->input.dtype = RAPT_BOOL, "input")                         \
  X(output_dtype, c->output.dtype = 0, "output is given, but its dtype is 0") \
  X(output_reserved, c->output.reserved = -1, "output")                       \
  X(batch_negative, c->batch = -1, "-1")                                      \
  X(rows_negative, c->rows = -5, "-5")                                        \
  X(batch_max, c->batch = INT64_MAX, "")                                      \
  X(rows_max, c->rows = INT64_MAX, "")                                        \
  X(overlap, c->output.data = c->input.data, "output")                        \
  X(output_stride_zero, c->output.stride[1] = 0, "output")                    \
  X(input_stride_max, c->input.stride[1] = INT64_MAX, "input")

#define BROKEN_MHA(X)                                                                           \
  X(struct_size, c->head.struct_size = 4, "struct_size")                                        \
  X(query_projection_null, c->query_projection = NULL, "query_projection")                      \
  X(key_projection_null, c->key_projection = NULL, "key_projection")                            \
  X(value_projection_null, c->value_projection = NULL, "value_projection")                      \
  X(output_projection_width, c->output_projection = f.odd, "output_projection")                 \
  X(key_projection_width, c->key_projection = f.square, "key_projection")                       \
  X(query_absent, c->query = (rapt_tensor){0}, "query is absent")                               \
  X(key_absent, c->key = (rapt_tensor){0}, "key is absent")                                     \
  X(value_absent, c->value = (rapt_tensor){0}, "value is absent")                               \
  X(output_absent, c->output = (rapt_tensor){0}, "output is absent")                            \
  X(key_misaligned, c->key.data = (char *)f.key + 2, "key")                                     \
  X(mask_dtype, c->mask.dtype = RAPT_F32, "mask")                                               \
  X(padding_dtype, c->key_padding_mask.dtype = RAPT_F32, "key_padding_mask")                    \
  X(bias_dtype, c->bias.dtype = RAPT_BOOL, "bias")                                              \
  X(weights_dtype, c->weights.dtype = RAPT_BOOL, "weights")                                     \
  X(weights_stride_zero, c->weights.stride[2] = 0, "weights")                                   \
  X(bias_key_alone, c->bias_value = (rapt_tensor){0}, "bias_value")                             \
  X(bias_value_alone, c->bias_key = (rapt_tensor){0}, "bias_key")                               \
  X(batch_negative, c->batch = -1, "-1")                                                        \
  X(batch_max, c->batch = INT64_MAX, "")                                                        \
  X(query_len_negative, c->query_len = -1, "-1")                                                \
  X(query_len_max, c->query_len = INT64_MAX, "")                                                \
  X(kv_len_negative, c->kv_len = -1, "-1")                                                      \
  X(kv_len_max, c->kv_len = INT64_MAX, "")                                                      \
  X(heads_zero, c->query_heads = 0, "query_heads")                                              \
  X(kv_heads_zero, c->kv_heads = 0, "kv_heads")                                                 \
  X(heads_uneven, c->query_heads = 3, "3")                                                      \
  X(kv_heads_uneven, c->kv_heads = 3, "3")                                                      \
  X(flags_unknown, c->mha_flags = 4, "mha_flags")                                               \
  X(flags_negative, c->mha_flags = -1, "mha_flags")                                             \
  X(reserved, c->reserved = 1, "reserved")                                                      \
  X(position_twice, c->options.position = -1, "options.position is -1 and positions are given") \
  X(positions_dtype, c->positions.dtype = RAPT_BOOL, "positions has dtype 2")                   \
  X(options_flags, c->options.flags = 8, "flags")                                               \
  X(options_scale, c->options.scale = NAN, "scale")                                             \
  X(options_softcap, c->options.softcap = -1, "-1")                                             \
  X(options_stage, c->options.weights_stage = 9, "9")                                           \
  X(overlap_query, c->output.data = c->query.data, "output")                                    \
  X(overlap_key, c->output.data = c->key.data, "output")                                        \
  X(overlap_weights, c->weights.data = c->output.data, "weights")

#define ENTRY(name, statement, text) {#name, break_##name, text},
#define TABLE(table, type)   \
  static const struct {      \
    const char *name;        \
    void (*apply)(type * c); \
    const char *text;        \
  } table[]

#define DEFINE(name, statement, text) \
  static void break_weights_##name(rapt_linear_parameters *c) { statement; }
BROKEN_WEIGHTS(DEFINE)
#undef DEFINE
#define DEFINE(name, statement, text) \
  static void break_linear_##name(rapt_linear *c) { statement; }
BROKEN_LINEAR(DEFINE)
#undef DEFINE
#define DEFINE(name, statement, text) \
  static void break_mha_##name(rapt_mha *c) { statement; }
BROKEN_MHA(DEFINE)
#undef DEFINE
#undef ENTRY

#define ENTRY(name, statement, text) {#name, break_weights_##name, text},
TABLE(broken_weights, rapt_linear_parameters) = {BROKEN_WEIGHTS(ENTRY)};
#undef ENTRY
#define ENTRY(name, statement, text) {#name, break_linear_##name, text},
TABLE(broken_linear, rapt_linear) = {BROKEN_LINEAR(ENTRY)};
#undef ENTRY
#define ENTRY(name, statement, text) {#name, break_mha_##name, text},
TABLE(broken_mha, rapt_mha) = {BROKEN_MHA(ENTRY)};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void check_refused(const char *family, const char *name, rapt_status status, const rapt_error *error,
                          const char *text) {
  CHECK(status == RAPT_INVALID_ARGUMENT, "%s, %s: status %d '%s'", family, name, status, error->message);
  CHECK(error->status == status, "%s, %s: the error says %d", family, name, error->status);
  CHECK(memchr(error->message, 0, sizeof error->message) != NULL && strlen(error->message) > 10 &&
            strstr(error->message, text) != NULL,
        "%s, %s: '%s' does not name '%s'", family, name, error->message, text);
}

static void test_weights(void) {
  for (size_t i = 0; i < COUNT(broken_weights); i++) {
    fixture_reset(&f);
    rapt_linear_parameters c = f.linear_weights;
    rapt_linear_weights *linear = NULL;
    rapt_error error = {.struct_size = sizeof error};
    check_set_case("linear_create, %s", broken_weights[i].name);
    broken_weights[i].apply(&c);
    rapt_status status = rapt_linear_create(f.context, &c, &linear, &error);
    check_refused("linear_create", broken_weights[i].name, status, &error, broken_weights[i].text);
    CHECK(linear == NULL, "linear_create, %s: a linear in spite of the error", broken_weights[i].name);
  }
  rapt_linear_weights *linear = NULL;
  CHECK(rapt_linear_create(NULL, &f.linear_weights, &linear, NULL) == RAPT_INVALID_ARGUMENT, "no context");
  CHECK(rapt_linear_create(f.context, NULL, &linear, NULL) == RAPT_INVALID_ARGUMENT, "no weights");
  CHECK(rapt_linear_create(f.context, &f.linear_weights, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no place");
  CHECK(rapt_linear_create_held(f.context, NULL, &linear, NULL) == RAPT_INVALID_ARGUMENT, "held, no weights");
  // What holds is ignored.
  CHECK(
      rapt_linear_create_held(f.context, &f.linear_weights, &linear, NULL, f.query, NULL) == RAPT_OK && linear != NULL,
      "held weights");
  rapt_linear_destroy(linear);
  rapt_linear_destroy(NULL);
  for (int i = 0; i < 100; i++) {
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_linear_create(f.context, &f.linear_weights, &linear, &error) == RAPT_OK, "%s", error.message);
    rapt_linear_destroy(linear);
  }
}

static void test_linear(void) {
  for (size_t i = 0; i < COUNT(broken_linear); i++) {
    fixture_reset(&f);
    rapt_linear c = f.linear;
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    check_set_case("linear, %s", broken_linear[i].name);
    broken_linear[i].apply(&c);
    check_refused("linear_plan", broken_linear[i].name, rapt_linear_plan(f.context, &c, &plan, &error), &error,
                  broken_linear[i].text);
    error = (rapt_error){.struct_size = sizeof error};
    check_refused("linear_run", broken_linear[i].name, rapt_linear_run(f.context, &c, &error), &error,
                  broken_linear[i].text);
    error = (rapt_error){.struct_size = sizeof error};
    CHECK(rapt_linear_run(f.context, &f.linear, &error) == RAPT_OK, "the valid call after %s: %s",
          broken_linear[i].name, error.message);
  }
  CHECK(rapt_linear_run(NULL, &f.linear, NULL) == RAPT_INVALID_ARGUMENT, "no context");
  CHECK(rapt_linear_run(f.context, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no call");
  CHECK(rapt_linear_plan(f.context, &f.linear, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no plan");
}

static void test_mha(void) {
  for (size_t i = 0; i < COUNT(broken_mha); i++) {
    fixture_reset(&f);
    rapt_mha c = f.mha;
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    check_set_case("mha, %s", broken_mha[i].name);
    broken_mha[i].apply(&c);
    check_refused("mha_plan", broken_mha[i].name, rapt_mha_plan(f.context, &c, &plan, &error), &error,
                  broken_mha[i].text);
    error = (rapt_error){.struct_size = sizeof error};
    check_refused("mha_run", broken_mha[i].name, rapt_mha_run(f.context, &c, &error), &error, broken_mha[i].text);
    error = (rapt_error){.struct_size = sizeof error};
    CHECK(rapt_mha_run(f.context, &f.mha, &error) == RAPT_OK, "the valid call after %s: %s", broken_mha[i].name,
          error.message);
  }
  CHECK(rapt_mha_run(NULL, &f.mha, NULL) == RAPT_INVALID_ARGUMENT, "no context");
  CHECK(rapt_mha_run(f.context, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no call");
  CHECK(rapt_mha_plan(f.context, &f.mha, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no plan");
}

// Weights are packed for a tier: a context of another one must refuse them, not misread them.
static void test_foreign_tier(void) {
  int32_t tiers[MAX_TIERS];
  if (usable_tiers(tiers) < 2) return;
  fixture_reset(&f);
  rapt_context *portable = context_of(RAPT_ISA_PORTABLE, 1);
  rapt_error error = {.struct_size = sizeof error};
  check_set_case("projections of another tier");
  check_refused("linear_run", "other tier", rapt_linear_run(portable, &f.linear, &error), &error, "portable");
  error = (rapt_error){.struct_size = sizeof error};
  check_refused("mha_run", "other tier", rapt_mha_run(portable, &f.mha, &error), &error, "portable");
  rapt_context_destroy(portable);
}

int main(void) {
  check_start();
  fixture_open(&f);
  test_weights();
  test_linear();
  test_mha();
  test_foreign_tier();
  fixture_close(&f);
  return check_finish("abi_projection_test");
}
