// SPDX-License-Identifier: Apache-2.0
// Merging: its problem is the checked call itself.
#include "call/operation.h"

extern const rapt_operation rapt_operation_merge;

_Static_assert(sizeof(rapt_merge) <= RAPT_PROBLEM_ROOM, "a call's room");
_Static_assert(sizeof(rapt_merge) == 328, "ABI: sizeof(rapt_merge)");

#define AT(field) ((int32_t)offsetof(rapt_merge, field))

// N parts, B batch, H heads, S query length, V value dim.
static const rapt_dimension dimensions[] = {
    {'N', "parts", AT(parts), 0, RAPT_MAX_SIZE},
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},
    {'H', "heads", AT(heads), 1, RAPT_MAX_FEATURES},
    {'S', "query_len", AT(query_len), 0, RAPT_MAX_SIZE},
    {'V', "value_dim", AT(value_dim), 1, RAPT_MAX_HEAD_DIM},
    {.name = NULL},
};

static const rapt_operand operands[] = {
    {"partial_output", AT(partial_output), RAPT_READ, RAPT_FLOATS, "NBHSV", .optional = 0},
    {"partial_lse", AT(partial_lse), RAPT_READ, RAPT_ONLY(RAPT_F32), "NBHS", .optional = 0},
    {"output", AT(output), RAPT_WRITE, RAPT_FLOATS, "BHSV", .optional = 0},
    {"lse", AT(lse), RAPT_WRITE, RAPT_ONLY(RAPT_F32), "BHS", .optional = 1},
    {.name = NULL},
};

static const rapt_field fields[] = {{.name = NULL}};

const rapt_operation rapt_operation_merge = {
    .word = "merge",
    .struct_name = "rapt_merge",
    .struct_size = sizeof(rapt_merge),
    .dimensions = dimensions,
    .operands = operands,
    .fields = fields,
};
