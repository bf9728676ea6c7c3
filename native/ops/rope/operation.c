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

static rapt_status check_rotary_dim(int64_t head_dim, int64_t *rotary_dim, rapt_error *error) {
  RAPT_CHECK(rapt_check_size("rotary_dim", *rotary_dim, 0, head_dim, error));
  if (*rotary_dim == 0) {
    if (head_dim % 2 != 0) {
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "rotary_dim is 0, which stands for head_dim, but head_dim is odd: %" PRId64, head_dim);
    }
    *rotary_dim = head_dim;
  }
  if (*rotary_dim % 2 == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "rotary_dim is %" PRId64 "; it must be even", *rotary_dim);
}

rapt_status rapt_rope_check_turn(int64_t head_dim, const rapt_rope_turn *turn, int64_t *rotary_dim, rapt_error *error) {
  RAPT_CHECK(check_rotary_dim(head_dim, rotary_dim, error));
  RAPT_CHECK(rapt_check_flags("flags", turn->flags, RAPT_ROPE_INTERLEAVED, error));
  if (turn->by_position) return rapt_check_size("table_length", turn->table_length, 1, RAPT_MAX_SIZE, error);
  if (turn->table_length == 0) return RAPT_OK;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "table_length is %" PRId64 "; allowed: 0, for positions are not given",
                   turn->table_length);
}

static rapt_status rules(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error) {
  rapt_rope *c = call;
  rapt_rope_turn turn = {c->flags, rapt_is_present(&c->positions), c->table_length};
  RAPT_CHECK(rapt_rope_check_turn(c->head_dim, &turn, &c->rotary_dim, error));
  if (c->reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed: 0", c->reserved);
  *cases = turn.by_position ? BY_POSITION : BY_TOKEN;
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
