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

// Which weights go with a scale and with which input.
static rapt_status check_quantization(const rapt_linear_parameters *p, rapt_error *error) {
  int32_t dtype = p->weight.dtype;
  if (dtype != RAPT_I8 && (rapt_is_present(&p->scale) || p->scale.data != NULL)) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "scale is given while weight is %s; allowed with i8",
                     rapt_dtype_name(dtype));
  }
  if (p->input_quantization != RAPT_INPUT_FLOAT && p->input_quantization != RAPT_INPUT_I8) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "input_quantization is %d; allowed: %d (float) and %d (i8)",
                     p->input_quantization, RAPT_INPUT_FLOAT, RAPT_INPUT_I8);
  }
  if (p->input_quantization == RAPT_INPUT_I8 && (RAPT_FLOATS & RAPT_ONLY(dtype)) != 0) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                     "input_quantization is %d (i8) while weight is %s; allowed with i8, q8_0 and q4_0", RAPT_INPUT_I8,
                     rapt_dtype_name(dtype));
  }
  if (p->reserved != 0) return rapt_fail(error, RAPT_INVALID_ARGUMENT, "reserved is %d; allowed: 0", p->reserved);
  return RAPT_OK;
}

rapt_status rapt_linear_check_parameters(const rapt_linear_parameters *from, rapt_linear_parameters *p,
                                         rapt_error *error) {
  static const rapt_operand weight = {"weight", 0, RAPT_READ, RAPT_WEIGHTS, "OI", .optional = 0};
  static const rapt_operand bias = {"bias", 0, RAPT_READ, RAPT_FLOATS, "O", .optional = 1};
  static const rapt_operand scale = {"scale", 0, RAPT_READ, RAPT_FLOATS, "O", .optional = 0};
  rapt_view view;
  RAPT_CHECK(rapt_read_struct(from, p, sizeof *p, "rapt_linear_parameters", error));
  RAPT_CHECK(rapt_check_size("in_features", p->in_features, 1, RAPT_MAX_FEATURES, error));
  RAPT_CHECK(rapt_check_size("out_features", p->out_features, 1, RAPT_MAX_FEATURES, error));
  rapt_sizes sizes;
  *rapt_size(&sizes, 'I') = p->in_features;
  *rapt_size(&sizes, 'O') = p->out_features;
  RAPT_CHECK(rapt_check_operand(&weight, &p->weight, &sizes, RAPT_FOR_RUN, &view, error));
  RAPT_CHECK(rapt_check_operand(&bias, &p->bias, &sizes, RAPT_FOR_RUN, &view, error));
  RAPT_CHECK(check_quantization(p, error));
  return p->weight.dtype != RAPT_I8 ? RAPT_OK
                                    : rapt_check_operand(&scale, &p->scale, &sizes, RAPT_FOR_RUN, &view, error);
}
