// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "base/error.h"
#include "call/check.h"
#include "ops/rope/problem.h"

_Static_assert(sizeof(rapt_rope) <= RAPT_PROBLEM_ROOM, "a call's room");

// The cases: cosines and sines by position, from a table, or by token.
enum { BY_POSITION = 1, BY_TOKEN = 2 };

_Static_assert(sizeof(rapt_rope) == 408, "ABI: sizeof(rapt_rope)");

#define AT(field) ((int32_t)offsetof(rapt_rope, field))

// B batch, H heads, S length, D head dim, R rows of the table, P pairs.
static const rapt_dimension dimensions[] = {
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},
    {'H', "heads", AT(heads), 1, RAPT_MAX_FEATURES},
    {'S', "length", AT(length), 0, RAPT_MAX_SIZE},
    {'D', "head_dim", AT(head_dim), 1, RAPT_MAX_HEAD_DIM},
    {.name = NULL},
};

static const rapt_operand operands[] = {
    {"input", AT(input), RAPT_READ, RAPT_FLOATS, "BHSD", .optional = 0},
    {"output", AT(output), RAPT_WRITE, RAPT_FLOATS, "BHSD", .optional = 0, .in_place = AT(input)},
    {"cosine", AT(cosine), RAPT_READ, RAPT_FLOATS, "RP", .optional = 0, .when = BY_POSITION},
    {"cosine", AT(cosine), RAPT_READ, RAPT_FLOATS, "BSP", .optional = 0, .when = BY_TOKEN},
    {"sine", AT(sine), RAPT_READ, RAPT_FLOATS, "RP", .optional = 0, .when = BY_POSITION},
    {"sine", AT(sine), RAPT_READ, RAPT_FLOATS, "BSP", .optional = 0, .when = BY_TOKEN},
    {"positions", AT(positions), RAPT_READ, RAPT_INDICES, "BS", .optional = 1},
    {.name = NULL},
};

static const rapt_field fields[] = {
    {"rotary_dim", AT(rotary_dim)},
    {"table_length", AT(table_length)},
    {"flags", AT(flags)},
    {"reserved", AT(reserved)},
    {.name = NULL},
};

static rapt_status check_rotary_dim(rapt_rope *c, rapt_error *error) {
  RAPT_CHECK(rapt_check_size("rotary_dim", c->rotary_dim, 0, c->head_dim, error));
  if (c->rotary_dim == 0) {
    if (c->head_dim % 2 != 0) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "rotary_dim is 0, which stands for head_dim, but head_dim is odd: %" PRId64, c->head_dim);
    }
    c->rotary_dim = c->head_dim;
  }
  if (c->rotary_dim % 2 == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "rotary_dim is %" PRId64 "; it must be even", c->rotary_dim);
}

static rapt_status rules(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error) {
  rapt_rope *c = call;
  RAPT_CHECK(check_rotary_dim(c, error));
  RAPT_CHECK(rapt_check_flags("flags", c->flags, RAPT_ROPE_INTERLEAVED, error));
  if (c->reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed: 0", c->reserved);
  *cases = rapt_is_present(&c->positions) ? BY_POSITION : BY_TOKEN;
  if (*cases == BY_POSITION) {
    RAPT_CHECK(rapt_check_size("table_length", c->table_length, 1, RAPT_MAX_SIZE, error));
  } else if (c->table_length != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "table_length is %" PRId64 "; allowed: 0, for positions are not given", c->table_length);
  }
  *rapt_size(sizes, 'R') = c->table_length;
  *rapt_size(sizes, 'P') = c->rotary_dim / 2;
  return RAPT_OK;
}

const rapt_operation rapt_operation_rope = {
    .word = "rope",
    .struct_name = "rapt_rope",
    .struct_size = sizeof(rapt_rope),
    .dimensions = dimensions,
    .operands = operands,
    .fields = fields,
    .rules = rules,
};
