// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "call/params.h"
#include "ops/linear/problem.h"
#include "call/validate.h"

rapt_status rapt_linear_parameters_validate(const rapt_linear_parameters *from, rapt_linear_parameters *w, rapt_error *error) {
  rapt_view view;
  rapt_status status = rapt_read_struct(from, w, sizeof *w, "rapt_linear_parameters", error);
  if (status == RAPT_OK) status = rapt_check_size("in_features", w->in_features, 1, RAPT_MAX_FEATURES, error);
  if (status == RAPT_OK) status = rapt_check_size("out_features", w->out_features, 1, RAPT_MAX_FEATURES, error);
  const int64_t weight[] = {w->out_features, w->in_features};
  if (status == RAPT_OK) status = rapt_check_tensor("weight", &w->weight, RAPT_ANY_FLOAT, 2, weight, &view, error);
  if (status == RAPT_OK) status = rapt_check_optional("bias", &w->bias, RAPT_ANY_FLOAT, 1, weight, &view, error);
  return status;
}

rapt_status rapt_linear_validate(const void *device, rapt_linear_check check, const rapt_linear *from,
                                 rapt_linear *call, rapt_linear_problem *projection, rapt_error *error) {
  rapt_status status = rapt_read_struct(from, call, sizeof *call, "rapt_linear", error);
  if (status == RAPT_OK) status = rapt_check_scratch(call->scratch, call->scratch_size, error);
  if (status == RAPT_OK) status = check(device, "linear", call->linear, error);
  if (status == RAPT_OK) status = rapt_check_size("batch", call->batch, 0, RAPT_MAX_SIZE, error);
  if (status == RAPT_OK) status = rapt_check_size("rows", call->rows, 0, RAPT_MAX_SIZE, error);
  if (status != RAPT_OK) return status;
  const int64_t in[] = {call->batch, call->rows, call->linear->in_features};
  const int64_t out[] = {call->batch, call->rows, call->linear->out_features};
  rapt_view input, output;
  status = rapt_check_tensor("input", &call->input, RAPT_ANY_FLOAT, 3, in, &input, error);
  if (status == RAPT_OK) status = rapt_check_tensor("output", &call->output, RAPT_ANY_FLOAT, 3, out, &output, error);
  if (status == RAPT_OK) status = rapt_check_overlaps(&output, 1, &input, 1, error);
  if (status != RAPT_OK) return status;
  *projection = (rapt_linear_problem){
      .linear = call->linear, .input = call->input, .output = call->output, .batch = call->batch, .rows = call->rows};
  return RAPT_OK;
}
