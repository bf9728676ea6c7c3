// SPDX-License-Identifier: Apache-2.0
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "call/params.h"
#include "ops/sdpa/problem.h"
#include "call/validate.h"

static rapt_status check_sizes(const rapt_sdpa *c, rapt_error *error) {
  RAPT_CHECK(rapt_check_size("batch", c->batch, 0, RAPT_MAX_SIZE, error));
  RAPT_CHECK(rapt_check_size("query_heads", c->query_heads, 1, RAPT_MAX_FEATURES, error));
  RAPT_CHECK(rapt_check_size("kv_heads", c->kv_heads, 1, RAPT_MAX_FEATURES, error));
  RAPT_CHECK(rapt_check_size("query_len", c->query_len, 0, RAPT_MAX_SIZE, error));
  RAPT_CHECK(rapt_check_size("kv_len", c->kv_len, 0, RAPT_MAX_SIZE, error));
  RAPT_CHECK(rapt_check_size("head_dim", c->head_dim, 1, RAPT_MAX_HEAD_DIM, error));
  RAPT_CHECK(rapt_check_size("value_dim", c->value_dim, 1, RAPT_MAX_HEAD_DIM, error));
  if (c->query_heads % c->kv_heads != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "query_heads is %" PRId64 ", which is not a multiple of kv_heads, %" PRId64, c->query_heads,
                     c->kv_heads);
  }
  return RAPT_OK;
}

// The scale of an i8 tensor, whose rows hold `depth` elements; *groups is 1 where the caller left it at 0.
static rapt_status check_scale(const char *name, const char *of, const rapt_tensor *quantised, const rapt_tensor *scale,
                               int64_t depth, const int64_t *rows, int64_t *groups, rapt_view *view,
                               rapt_error *error) {
  *view = (rapt_view){.name = name};
  if (quantised->data == NULL || quantised->dtype != RAPT_I8) {
    if (scale->data == NULL && *groups == 0) return RAPT_OK;
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s or its groups are given, but %s is not i8", name, of);
  }
  if (*groups == 0) *groups = 1;
  if (*groups < 1 || *groups > depth || depth % *groups != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "%s_groups is %" PRId64 "; allowed are 0 and the divisors of %" PRId64
                     ", the elements of a row of %s",
                     name, *groups, depth, of);
  }
  const int64_t size[] = {rows[0], rows[1], rows[2], *groups};
  return rapt_check_tensor(name, scale, RAPT_F32, 4, size, view, error);
}

static rapt_status check_tensors(rapt_sdpa *c, rapt_error *error) {
  const int64_t query[] = {c->batch, c->query_heads, c->query_len, c->head_dim};
  const int64_t key[] = {c->batch, c->kv_heads, c->kv_len, c->head_dim};
  const int64_t value[] = {c->batch, c->kv_heads, c->kv_len, c->value_dim};
  const int64_t output[] = {c->batch, c->query_heads, c->query_len, c->value_dim};
  const int64_t scores[] = {c->batch, c->query_heads, c->query_len, c->kv_len};
  rapt_view read[9], written[3];
  RAPT_CHECK(rapt_check_tensor("query", &c->query, RAPT_ANY_FLOAT, 4, query, &read[0], error));
  RAPT_CHECK(rapt_check_tensor("key", &c->key, RAPT_FLOAT_OR_I8, 4, key, &read[1], error));
  RAPT_CHECK(rapt_check_tensor("value", &c->value, RAPT_FLOAT_OR_I8, 4, value, &read[2], error));
  RAPT_CHECK(rapt_check_optional("mask", &c->mask, RAPT_BOOL, 4, scores, &read[3], error));
  RAPT_CHECK(rapt_check_optional("bias", &c->bias, RAPT_ANY_FLOAT, 4, scores, &read[4], error));
  RAPT_CHECK(rapt_check_optional("alibi_slopes", &c->alibi_slopes, RAPT_F32, 2, scores, &read[5], error));
  RAPT_CHECK(rapt_check_optional("sinks", &c->sinks, RAPT_F32, 2, scores, &read[6], error));
  RAPT_CHECK(
      check_scale("key_scale", "key", &c->key, &c->key_scale, c->head_dim, key, &c->key_scale_groups, &read[7], error));
  RAPT_CHECK(check_scale("value_scale", "value", &c->value, &c->value_scale, c->value_dim, value,
                         &c->value_scale_groups, &read[8], error));
  RAPT_CHECK(rapt_check_tensor("output", &c->output, RAPT_ANY_FLOAT, 4, output, &written[0], error));
  RAPT_CHECK(rapt_check_optional("lse", &c->lse, RAPT_F32, 3, scores, &written[1], error));
  RAPT_CHECK(rapt_check_optional("weights", &c->weights, RAPT_F32, 4, scores, &written[2], error));
  return rapt_check_overlaps(written, 3, read, 9, error);
}

rapt_status rapt_sdpa_validate(const rapt_sdpa *call, rapt_sdpa_problem *problem, rapt_error *error) {
  memset(problem, 0, sizeof *problem);
  RAPT_CHECK(rapt_read_struct(call, &problem->call, sizeof problem->call, "rapt_sdpa", error));
  RAPT_CHECK(check_sizes(&problem->call, error));
  RAPT_CHECK(rapt_check_options(&problem->call.options, error));
  RAPT_CHECK(rapt_check_scratch(problem->call.scratch, problem->call.scratch_size, error));
  RAPT_CHECK(check_tensors(&problem->call, error));
  rapt_sdpa_derive(problem);
  return RAPT_OK;
}

void rapt_sdpa_derive(rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  problem->group = c->query_heads / c->kv_heads;
  problem->rows = problem->group * c->query_len;
  float scale = (c->options.flags & RAPT_SCALE) != 0 ? c->options.scale : (float)(1.0 / sqrt((double)c->head_dim));
  // Bare dot products may stay as they are up to the softmax, unless someone adds to them or wants to see the scores.
  int shown = c->weights.data != NULL && c->options.weights_stage != RAPT_WEIGHTS_SOFTMAX;
  int late = scale > 0 && !shown && c->options.softcap == 0 && c->bias.data == NULL && c->alibi_slopes.data == NULL;
  const double log2e = 1.4426950408889634;
  // Of a scale that is no float any more once it is multiplied by log2(e), the scores take a factor, an exact one.
  problem->score_scale = !late ? scale : scale > FLT_MAX / 2 ? 4 : 1;
  problem->softmax_scale = late ? scale / problem->score_scale : 1;
  problem->to_exponent = (float)(problem->softmax_scale * log2e);
}
