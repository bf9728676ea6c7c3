// SPDX-License-Identifier: Apache-2.0
// Layer normalisation: its problem is the checked call itself.
#include <math.h>

#include "base/error.h"
#include "call/check.h"

extern const rapt_operation rapt_operation_norm;

_Static_assert(sizeof(rapt_norm) <= RAPT_PROBLEM_ROOM, "a call's room");
_Static_assert(sizeof(rapt_norm) == 384, "ABI: sizeof(rapt_norm)");

#define AT(field) ((int32_t)offsetof(rapt_norm, field))
// PyTorch's default.
#define DEFAULT_EPSILON 1e-5f

// B batch, R rows, F features.
static const rapt_dimension dimensions[] = {
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},
    {'R', "rows", AT(rows), 0, RAPT_MAX_SIZE},
    {'F', "features", AT(features), 1, RAPT_MAX_FEATURES},
    {.name = NULL},
};

static const rapt_operand operands[] = {
    {"input", AT(input), RAPT_READ, RAPT_FLOATS, "BRF", .optional = 0},
    {"residual", AT(residual), RAPT_READ, RAPT_FLOATS, "BRF", .optional = 1},
    {"weight", AT(weight), RAPT_READ, RAPT_FLOATS, "F", .optional = 0},
    {"bias", AT(bias), RAPT_READ, RAPT_FLOATS, "F", .optional = 1},
    {"output", AT(output), RAPT_WRITE, RAPT_FLOATS, "BRF", .optional = 0, .in_place = AT(input)},
    {.name = NULL},
};

static const rapt_field fields[] = {{"epsilon", AT(epsilon)}, {"reserved", AT(reserved)}, {.name = NULL}};

static rapt_status rules(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error) {
  (void)sizes, (void)cases;
  rapt_norm *c = call;
  if (!(c->epsilon >= 0) || isinf(c->epsilon)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "epsilon is %g; allowed: finite and positive, or 0 for 1e-5",
                     (double)c->epsilon);
  }
  if (c->reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed: 0", c->reserved);
  if (c->epsilon == 0) c->epsilon = DEFAULT_EPSILON;
  return RAPT_OK;
}

const rapt_operation rapt_operation_norm = {
    .word = "norm",
    .struct_name = "rapt_norm",
    .struct_size = sizeof(rapt_norm),
    .dimensions = dimensions,
    .operands = operands,
    .fields = fields,
    .rules = rules,
};
