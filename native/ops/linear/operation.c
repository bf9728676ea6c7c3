// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "call/check.h"
#include "call/params.h"
#include "ops/linear/problem.h"

_Static_assert(sizeof(rapt_linear_problem) <= RAPT_PROBLEM_ROOM, "a call's room");
_Static_assert(sizeof(rapt_linear) == 184, "ABI: sizeof(rapt_linear)");

#define AT(field) ((int32_t)offsetof(rapt_linear, field))

// B batch, S rows, I input features, O output features.
static const rapt_dimension dimensions[] = {
    {'B', "batch", AT(batch), 0, RAPT_MAX_SIZE},
    {'S', "rows", AT(rows), 0, RAPT_MAX_SIZE},
    {.name = NULL},
};

static const rapt_operand operands[] = {
    {"input", AT(input), RAPT_READ, RAPT_FLOATS, "BSI", .optional = 0},
    {"output", AT(output), RAPT_WRITE, RAPT_FLOATS, "BSO", .optional = 0},
    {.name = NULL},
};

static const rapt_weights_operand packed[] = {{"weights", AT(weights), .optional = 0}, {.name = NULL}};

static const rapt_field fields[] = {{.name = NULL}};

static rapt_status rules(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error) {
  (void)cases, (void)error;
  const rapt_linear *c = call;
  *rapt_size(sizes, 'I') = c->weights->in_features;
  *rapt_size(sizes, 'O') = c->weights->out_features;
  return RAPT_OK;
}

static void derive(void *memory, const rapt_sizes *sizes) {
  (void)sizes;
  rapt_linear_problem *problem = memory;
  const rapt_linear *c = &problem->call;
  problem->product =
      (rapt_product){.weights = c->weights, .input = c->input, .output = c->output, .batch = c->batch, .rows = c->rows};
}

const rapt_operation rapt_operation_linear = {
    .word = "linear",
    .struct_name = "rapt_linear",
    .struct_size = sizeof(rapt_linear),
    .dimensions = dimensions,
    .operands = operands,
    .weights = packed,
    .fields = fields,
    .rules = rules,
    .derive = derive,
};

rapt_status rapt_linear_check_parameters(const rapt_linear_parameters *from, rapt_linear_parameters *p,
                                         rapt_error *error) {
  static const rapt_operand weight = {"weight", 0, RAPT_READ, RAPT_FLOATS_OR_BLOCKS, "OI", .optional = 0};
  static const rapt_operand bias = {"bias", 0, RAPT_READ, RAPT_FLOATS, "O", .optional = 1};
  rapt_view view;
  RAPT_CHECK(rapt_read_struct(from, p, sizeof *p, "rapt_linear_parameters", error));
  RAPT_CHECK(rapt_check_size("in_features", p->in_features, 1, RAPT_MAX_FEATURES, error));
  RAPT_CHECK(rapt_check_size("out_features", p->out_features, 1, RAPT_MAX_FEATURES, error));
  rapt_sizes sizes;
  *rapt_size(&sizes, 'I') = p->in_features;
  *rapt_size(&sizes, 'O') = p->out_features;
  RAPT_CHECK(rapt_check_operand(&weight, &p->weight, &sizes, RAPT_FOR_RUN, &view, error));
  return rapt_check_operand(&bias, &p->bias, &sizes, RAPT_FOR_RUN, &view, error);
}
