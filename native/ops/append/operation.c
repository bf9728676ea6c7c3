// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "base/error.h"
#include "call/check.h"
#include "ops/append/problem.h"

_Static_assert(sizeof(rapt_append) <= RAPT_PROBLEM_ROOM, "a call's room");

// The cases: cosines and sines by position, from a table, or by token; what is stored as i8.
enum { BY_POSITION = 1, BY_TOKEN = 2, KEY_I8 = 4, VALUE_I8 = 8 };

#define AT(field) ((int32_t)offsetof(rapt_append, field))

// B batch, G kv heads, S length, D head dim, V value dim, N pages, M page size, H query heads, R rows of the table,
// P pairs, K and Q scale groups.
static const rapt_dimension dimensions[] = {
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},
    {'G', "kv_heads", AT(kv_heads), 1, RAPT_MAX_FEATURES},
    {'S', "length", AT(length), 0, RAPT_MAX_SIZE},
    {'D', "head_dim", AT(head_dim), 1, RAPT_MAX_HEAD_DIM},
    {'V', "value_dim", AT(value_dim), 1, RAPT_MAX_HEAD_DIM},
    {'N', "pages", AT(pages), 1, RAPT_MAX_SIZE},
    {'M', "page_size", AT(page_size), 1, RAPT_MAX_SIZE},
    {'H', "query_heads", AT(query_heads), 0, RAPT_MAX_FEATURES},
    {.name = NULL},
};

static const rapt_operand operands[] = {
    {"key", AT(key), RAPT_READ, RAPT_FLOATS, "BGSD", .optional = 0},
    {"value", AT(value), RAPT_READ, RAPT_FLOATS, "BGSV", .optional = 0},
    {"slots", AT(slots), RAPT_READ, RAPT_INDICES, "BS", .optional = 0},
    {"key_cache", AT(key_cache), RAPT_WRITE, RAPT_FLOATS_OR_I8, "NGMD", .optional = 0},
    {"key_scale", AT(key_scale), RAPT_WRITE, RAPT_ONLY(RAPT_F32), "NGMK", .optional = 0, .when = KEY_I8},
    {"value_cache", AT(value_cache), RAPT_WRITE, RAPT_FLOATS_OR_I8, "NGMV", .optional = 0},
    {"value_scale", AT(value_scale), RAPT_WRITE, RAPT_ONLY(RAPT_F32), "NGMQ", .optional = 0, .when = VALUE_I8},
    {"query", AT(query), RAPT_READ | RAPT_WRITE, RAPT_FLOATS, "BHSD", .optional = 1},
    {"cosine", AT(cosine), RAPT_READ, RAPT_FLOATS, "RP", .optional = 0, .when = BY_POSITION},
    {"cosine", AT(cosine), RAPT_READ, RAPT_FLOATS, "BSP", .optional = 0, .when = BY_TOKEN},
    {"sine", AT(sine), RAPT_READ, RAPT_FLOATS, "RP", .optional = 0, .when = BY_POSITION},
    {"sine", AT(sine), RAPT_READ, RAPT_FLOATS, "BSP", .optional = 0, .when = BY_TOKEN},
    {"positions", AT(positions), RAPT_READ, RAPT_INDICES, "BS", .optional = 1},
    {.name = NULL},
};

static const rapt_field fields[] = {
    {"key_scale_groups", AT(key_scale_groups)},
    {"value_scale_groups", AT(value_scale_groups)},
    {"rotary_dim", AT(rotary_dim)},
    {"table_length", AT(table_length)},
    {"flags", AT(flags)},
    {"reserved", AT(reserved)},
    {.name = NULL},
};

static rapt_status check_unturned(const rapt_append *c, rapt_error *error) {
  if (rapt_is_present(&c->positions)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "positions are given, but there is no cosine that they name");
  }
  const char *name = c->rotary_dim != 0 ? "rotary_dim" : c->table_length != 0 ? "table_length" : "flags";
  int64_t value = c->rotary_dim != 0 ? c->rotary_dim : c->table_length != 0 ? c->table_length : c->flags;
  if (value == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is %" PRId64 "; allowed: 0, for there is no cosine", name, value);
}

static rapt_status rules(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error) {
  rapt_append *c = call;
  if (rapt_is_present(&c->query)) {
    RAPT_CHECK(rapt_check_size("query_heads", c->query_heads, 1, RAPT_MAX_FEATURES, error));
  } else {
    c->query_heads = 0;
  }
  if (c->reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed: 0", c->reserved);
  *cases = 0;
  if (rapt_is_present(&c->cosine) != rapt_is_present(&c->sine)) {
    int cosine = rapt_is_present(&c->cosine);
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "%s is absent, but %s is given", cosine ? "sine" : "cosine",
                     cosine ? "cosine" : "sine");
  }
  if (rapt_is_present(&c->cosine)) {
    rapt_rope_turn turn = {c->flags, rapt_is_present(&c->positions), c->table_length};
    RAPT_CHECK(rapt_rope_check_turn(c->head_dim, &turn, &c->rotary_dim, error));
    *cases = turn.by_position ? BY_POSITION : BY_TOKEN;
  } else {
    RAPT_CHECK(check_unturned(c, error));
  }
  RAPT_CHECK(rapt_sdpa_check_scale("key_scale", "key_cache", &c->key_cache, &c->key_scale, c->head_dim,
                                   &c->key_scale_groups, error));
  RAPT_CHECK(rapt_sdpa_check_scale("value_scale", "value_cache", &c->value_cache, &c->value_scale, c->value_dim,
                                   &c->value_scale_groups, error));
  *cases |= (c->key_cache.dtype == RAPT_I8 ? KEY_I8 : 0u) | (c->value_cache.dtype == RAPT_I8 ? VALUE_I8 : 0u);
  *rapt_size(sizes, 'R') = c->table_length;
  *rapt_size(sizes, 'P') = c->rotary_dim / 2;
  *rapt_size(sizes, 'K') = c->key_scale_groups;
  *rapt_size(sizes, 'Q') = c->value_scale_groups;
  return RAPT_OK;
}

const rapt_operation rapt_operation_append = {
    .word = "append",
    .struct_name = "rapt_append",
    .struct_size = sizeof(rapt_append),
    .dimensions = dimensions,
    .operands = operands,
    .fields = fields,
    .rules = rules,
};
