// SPDX-License-Identifier: Apache-2.0
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "base/error.h"
#include "call/check.h"
#include "ops/sdpa/problem.h"

_Static_assert(sizeof(rapt_sdpa_problem) <= RAPT_PROBLEM_ROOM, "a call's room");

// The cases: what is stored as i8, and how samples differ.
enum { KEY_I8 = 1, VALUE_I8 = 2, OWN_LENGTHS = 4, RAGGED_QUERIES = 8, RAGGED_KEYS = 16, PAGED = 32 };

_Static_assert(sizeof(rapt_sdpa) == 1304, "ABI: sizeof(rapt_sdpa)");
_Static_assert(offsetof(rapt_sdpa, batch) == 864, "ABI: rapt_sdpa.batch");

#define AT(field) ((int32_t)offsetof(rapt_sdpa, field))

// B batch, H query heads, G kv heads, S query length, T kv length, D head dim, V value dim. Derived: P and Q scale
// groups; A and N samples and rows of query and output, 1 and total_queries where these are ragged, else B and S; E and
// K samples and rows of key and value, in the same way, or pages and rows of a page; M starts, L pages of a sample.
static const rapt_dimension dimensions[] = {
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},
    {'H', "query_heads", AT(query_heads), 1, RAPT_MAX_FEATURES},
    {'G', "kv_heads", AT(kv_heads), 1, RAPT_MAX_FEATURES},
    {'S', "query_len", AT(query_len), 0, RAPT_MAX_SIZE},
    {'T', "kv_len", AT(kv_len), 0, RAPT_MAX_SIZE},
    {'D', "head_dim", AT(head_dim), 1, RAPT_MAX_HEAD_DIM},
    {'V', "value_dim", AT(value_dim), 1, RAPT_MAX_HEAD_DIM},
    {.name = NULL},
};

static const rapt_operand operands[] = {
    {"query", AT(query), RAPT_READ, RAPT_FLOATS, "AHND", .optional = 0},
    {"key", AT(key), RAPT_READ, RAPT_FLOATS_OR_I8, "EGKD", .optional = 0},
    {"key_scale", AT(key_scale), RAPT_READ, RAPT_ONLY(RAPT_F32), "EGKP", .optional = 0, .when = KEY_I8},
    {"value", AT(value), RAPT_READ, RAPT_FLOATS_OR_I8, "EGKV", .optional = 0},
    {"value_scale", AT(value_scale), RAPT_READ, RAPT_ONLY(RAPT_F32), "EGKQ", .optional = 0, .when = VALUE_I8},
    {"output", AT(output), RAPT_WRITE, RAPT_FLOATS, "AHNV", .optional = 0},
    {"mask", AT(mask), RAPT_READ, RAPT_ONLY(RAPT_BOOL), "BHST", .optional = 1},
    {"bias", AT(bias), RAPT_READ, RAPT_FLOATS, "BHST", .optional = 1},
    {"alibi_slopes", AT(alibi_slopes), RAPT_READ, RAPT_ONLY(RAPT_F32), "BH", .optional = 1},
    {"sinks", AT(sinks), RAPT_READ, RAPT_ONLY(RAPT_F32), "BH", .optional = 1},
    {"lse", AT(lse), RAPT_WRITE, RAPT_ONLY(RAPT_F32), "AHN", .optional = 1},
    {"weights", AT(weights), RAPT_WRITE, RAPT_FLOATS, "AHNT", .optional = 1},
    {"positions", AT(positions), RAPT_READ, RAPT_INDICES, "B", .optional = 1},
    {"key_lengths", AT(key_lengths), RAPT_READ, RAPT_INDICES, "B", .optional = 1, .when = OWN_LENGTHS},
    {"query_starts", AT(query_starts), RAPT_READ, RAPT_INDICES, "M", .optional = 1, .when = RAGGED_QUERIES},
    {"key_starts", AT(key_starts), RAPT_READ, RAPT_INDICES, "M", .optional = 1, .when = RAGGED_KEYS},
    {"page_table", AT(page_table), RAPT_READ, RAPT_INDICES, "BL", .optional = 1, .when = PAGED},
    {.name = NULL},
};

static const rapt_field fields[] = {
    {"key_scale_groups", AT(key_scale_groups)},
    {"value_scale_groups", AT(value_scale_groups)},
    {"total_queries", AT(total_queries)},
    {"total_keys", AT(total_keys)},
    {"pages", AT(pages)},
    {"page_size", AT(page_size)},
    {"max_pages", AT(max_pages)},
    RAPT_SDPA_OPTIONS_FIELDS(rapt_sdpa),
    {.name = NULL},
};

rapt_status rapt_sdpa_check_heads(int64_t query_heads, int64_t kv_heads, rapt_error *error) {
  if (query_heads % kv_heads == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "query_heads is %" PRId64 ", which is not a multiple of kv_heads, %" PRId64, query_heads, kv_heads);
}

rapt_status rapt_sdpa_check_options(const rapt_sdpa_options *o, const rapt_tensor *positions, rapt_error *error) {
  RAPT_CHECK(
      rapt_check_flags("options.flags", o->flags, RAPT_SCALE | RAPT_CAUSAL | RAPT_WINDOW | RAPT_BOTTOM_RIGHT, error));
  if ((o->flags & RAPT_SCALE) != 0 && !isfinite(o->scale)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.scale is %g; it must be finite", (double)o->scale);
  }
  if (!isfinite(o->softcap) || o->softcap < 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.softcap is %g; it must be finite, and 0 (off) or above",
                     (double)o->softcap);
  }
  if ((o->flags & RAPT_WINDOW) != 0) {
    RAPT_CHECK(rapt_check_size("options.window_left", o->window_left, -1, INT64_MAX, error));
    RAPT_CHECK(rapt_check_size("options.window_right", o->window_right, -1, INT64_MAX, error));
  }
  if (o->weights_stage < RAPT_WEIGHTS_RAW || o->weights_stage > RAPT_WEIGHTS_SOFTMAX) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.weights_stage is %d; allowed: %d to %d", o->weights_stage,
                     RAPT_WEIGHTS_RAW, RAPT_WEIGHTS_SOFTMAX);
  }
  if (rapt_is_present(positions) && o->position != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "options.position is %" PRId64 " and positions are given; give one of them", o->position);
  }
  if ((o->flags & RAPT_BOTTOM_RIGHT) != 0 && (rapt_is_present(positions) || o->position != 0)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "options.flags has RAPT_BOTTOM_RIGHT, which places query 0, and %s; give one of them",
                     o->position != 0 ? "options.position is not 0" : "positions are given");
  }
  for (int32_t i = 0; i < 4; i++) {
    if (o->reserved[i] != 0) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT, "options.reserved[%d] is %" PRId64 "; allowed: 0", i,
                       o->reserved[i]);
    }
  }
  return RAPT_OK;
}

rapt_status rapt_sdpa_check_scale(const char *name, const char *of, const rapt_tensor *quantised,
                                  const rapt_tensor *scale, int64_t depth, int64_t *groups, rapt_error *error) {
  if (quantised->dtype != RAPT_I8) {
    if (!rapt_is_present(scale) && *groups == 0) return RAPT_OK;
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s or its groups are given, but %s is not i8", name, of);
  }
  if (*groups == 0) *groups = 1;
  if (*groups >= 1 && *groups <= depth && depth % *groups == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                   "%s_groups is %" PRId64 "; allowed: 0 and the divisors of %" PRId64 ", the elements of a row of %s",
                   name, *groups, depth, of);
}

void rapt_sdpa_place_options(rapt_sdpa_options *o, int64_t query_len, int64_t kv_len) {
  if ((o->flags & RAPT_BOTTOM_RIGHT) == 0) return;
  o->position = kv_len - query_len;
  o->flags &= ~RAPT_BOTTOM_RIGHT;
}

// A size that goes with an optional tensor.
static rapt_status check_with(const char *name, int64_t value, const char *of, const rapt_tensor *tensor, int64_t least,
                              rapt_error *error) {
  if (rapt_is_present(tensor)) return rapt_check_size(name, value, least, RAPT_MAX_SIZE, error);
  if (value == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %" PRId64 "; allowed: 0, for %s is not given", name, value, of);
}

// The most rows of a sample, which is at most all rows.
static rapt_status check_most(const char *name, int64_t value, const char *of, int64_t total, rapt_error *error) {
  if (value <= total) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %" PRId64 "; allowed: 0 to %s, %" PRId64, name, value, of,
                   total);
}

static rapt_status check_pages(const rapt_sdpa *c, rapt_error *error) {
  if (rapt_is_present(&c->key_starts)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "page_table and key_starts are given; give one of them");
  }
  if (!rapt_is_present(&c->key_lengths)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "key_lengths is absent; page_table needs it");
  }
  int64_t most;
  if (__builtin_mul_overflow(c->max_pages, c->page_size, &most)) most = INT64_MAX;
  return check_most("kv_len", c->kv_len, "max_pages * page_size", most, error);
}

static rapt_status check_samples(const rapt_sdpa *c, rapt_error *error) {
  RAPT_CHECK(check_with("total_queries", c->total_queries, "query_starts", &c->query_starts, 0, error));
  RAPT_CHECK(check_with("total_keys", c->total_keys, "key_starts", &c->key_starts, 0, error));
  RAPT_CHECK(check_with("pages", c->pages, "page_table", &c->page_table, 0, error));
  RAPT_CHECK(check_with("page_size", c->page_size, "page_table", &c->page_table, 1, error));
  RAPT_CHECK(check_with("max_pages", c->max_pages, "page_table", &c->page_table, 0, error));
  if (rapt_is_present(&c->query_starts)) {
    RAPT_CHECK(check_most("query_len", c->query_len, "total_queries", c->total_queries, error));
  }
  int joined = rapt_is_present(&c->key_starts);
  if (joined) RAPT_CHECK(check_most("kv_len", c->kv_len, "total_keys", c->total_keys, error));
  return rapt_is_present(&c->page_table) ? check_pages(c, error) : RAPT_OK;
}

// The sizes of query and key that depend on how samples share them. Returns the cases of that.
static uint32_t size_samples(const rapt_sdpa *c, rapt_sizes *sizes) {
  int ragged = rapt_is_present(&c->query_starts), joined = rapt_is_present(&c->key_starts);
  int paged = rapt_is_present(&c->page_table);
  *rapt_size(sizes, 'A') = ragged ? 1 : c->batch;
  *rapt_size(sizes, 'N') = ragged ? c->total_queries : c->query_len;
  *rapt_size(sizes, 'E') = paged ? c->pages : joined ? 1 : c->batch;
  *rapt_size(sizes, 'K') = paged ? c->page_size : joined ? c->total_keys : c->kv_len;
  *rapt_size(sizes, 'M') = c->batch + 1;
  *rapt_size(sizes, 'L') = c->max_pages;
  return (rapt_is_present(&c->key_lengths) ? OWN_LENGTHS : 0u) | (ragged ? RAGGED_QUERIES : 0u) |
         (joined ? RAGGED_KEYS : 0u) | (paged ? PAGED : 0u);
}

static rapt_status rules(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error) {
  rapt_sdpa *c = call;
  RAPT_CHECK(rapt_sdpa_check_heads(c->query_heads, c->kv_heads, error));
  RAPT_CHECK(rapt_sdpa_check_options(&c->options, &c->positions, error));
  RAPT_CHECK(
      rapt_sdpa_check_scale("key_scale", "key", &c->key, &c->key_scale, c->head_dim, &c->key_scale_groups, error));
  RAPT_CHECK(rapt_sdpa_check_scale("value_scale", "value", &c->value, &c->value_scale, c->value_dim,
                                   &c->value_scale_groups, error));
  int64_t shared = c->total_queries | c->total_keys | c->pages | c->page_size | c->max_pages;
  if (shared != 0 || rapt_sdpa_varies(c)) RAPT_CHECK(check_samples(c, error));
  if (!rapt_sdpa_varies(c)) rapt_sdpa_place_options(&c->options, c->query_len, c->kv_len);
  *cases = size_samples(c, sizes);
  *rapt_size(sizes, 'P') = c->key_scale_groups;
  *rapt_size(sizes, 'Q') = c->value_scale_groups;
  *cases |= (c->key.dtype == RAPT_I8 ? KEY_I8 : 0u) | (c->value.dtype == RAPT_I8 ? VALUE_I8 : 0u);
  return RAPT_OK;
}

void rapt_sdpa_derive(rapt_sdpa_problem *problem) {
  const rapt_sdpa *c = &problem->call;
  problem->group = c->query_heads / c->kv_heads;
  problem->rows = problem->group * c->query_len;
  float scale = (c->options.flags & RAPT_SCALE) != 0 ? c->options.scale : (float)(1.0 / sqrt((double)c->head_dim));
  // The softmax applies the scale, unless that is not positive, or something happens to the scores before the softmax,
  // or they are an output.
  int shown = rapt_is_present(&c->weights) && c->options.weights_stage != RAPT_WEIGHTS_SOFTMAX;
  int late = scale > 0 && !shown && c->options.softcap == 0 && !rapt_is_present(&c->bias) &&
             !rapt_is_present(&c->alibi_slopes);
  const double log2e = 1.4426950408889634;
  // scale * log2(e) may overflow a float: the scores then take an exact factor of 4 out of the scale.
  problem->score_scale = !late ? scale : scale > FLT_MAX / 2 ? 4 : 1;
  problem->softmax_scale = late ? scale / problem->score_scale : 1;
  problem->to_exponent = (float)(problem->softmax_scale * log2e);
}

static void derive(void *memory, const rapt_sizes *sizes) {
  (void)sizes;
  rapt_sdpa_problem *problem = memory;
  problem->appended_keys = 0;
  problem->key_padding = (rapt_tensor){.dtype = 0};
  problem->first_query = 0;
  problem->missing_keys = 0;
  rapt_sdpa_derive(problem);
}

const rapt_operation rapt_operation_sdpa = {
    .word = "sdpa",
    .struct_name = "rapt_sdpa",
    .struct_size = sizeof(rapt_sdpa),
    .dimensions = dimensions,
    .operands = operands,
    .fields = fields,
    .rules = rules,
    .derive = derive,
};
