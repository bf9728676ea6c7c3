// SPDX-License-Identifier: Apache-2.0
// GELU: its problem is the checked call itself.
#include "call/operation.h"

extern const rapt_operation rapt_operation_gelu;

_Static_assert(sizeof(rapt_gelu) <= RAPT_PROBLEM_ROOM, "a call's room");
_Static_assert(sizeof(rapt_gelu) == 184, "ABI: sizeof(rapt_gelu)");

#define AT(field) ((int32_t)offsetof(rapt_gelu, field))

// B batch, R rows, F features.
static const rapt_dimension dimensions[] = {
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},
    {'R', "rows", AT(rows), 0, RAPT_MAX_SIZE},
    {'F', "features", AT(features), 1, RAPT_MAX_FEATURES},
    {.name = NULL},
};

static const rapt_operand operands[] = {
    {"input", AT(input), RAPT_READ, RAPT_FLOATS, "BRF", .optional = 0},
    {"output", AT(output), RAPT_WRITE, RAPT_FLOATS, "BRF", .optional = 0, .in_place = AT(input)},
    {.name = NULL},
};

static const rapt_field fields[] = {{.name = NULL}};

const rapt_operation rapt_operation_gelu = {
    .word = "gelu",
    .struct_name = "rapt_gelu",
    .struct_size = sizeof(rapt_gelu),
    .dimensions = dimensions,
    .operands = operands,
    .fields = fields,
};
