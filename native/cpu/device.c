// SPDX-License-Identifier: Apache-2.0
// The CPU's table: its contexts, and how it does each operation.
#include "cpu/device.h"

#include "base/error.h"
#include "call/operations.h"
#include "cpu/engine/engine.h"
#include "cpu/linear/linear.h"

#define DECLARE(NUMBER, word) extern const rapt_device_operation rapt_cpu_##word##_operation;
RAPT_EACH_OPERATION(DECLARE)

static const char *unavailable(void) { return NULL; }

static rapt_status execute(rapt_context *context, const rapt_planned *call, rapt_error *error) {
  rapt_cpu_context *cpu = (rapt_cpu_context *)context;
  const rapt_head *head = call->problem;
  rapt_call_memory memory;
  if (call->operation->prepare != NULL) RAPT_CHECK(call->operation->prepare(context, call->problem, error));
  RAPT_CHECK(rapt_call_memory_begin(cpu, head, call->needs->scratch, &memory, error));
  rapt_status status = call->operation->run(context, call->problem, call->plan, memory.base, NULL, error);
  rapt_call_memory_end(cpu, &memory);
  return status;
}

// The CPU runs every call to its end.
static rapt_status check_stream(const rapt_context *context, const rapt_stream *stream, rapt_error *error) {
  (void)context, (void)stream;
  return rapt_fail(error, RAPT_INVALID_ARGUMENT, "a stream is given, but this context's device is the CPU");
}

#define ENTRY(NUMBER, word) [RAPT_##NUMBER] = &rapt_cpu_##word##_operation,
const rapt_device rapt_cpu_device = {
    .version = RAPT_DEVICE_VERSION,
    .word = "cpu",
    .unavailable = unavailable,
    .context_create = rapt_cpu_context_create,
    .context_destroy = rapt_cpu_context_destroy,
    .context_get_info = rapt_cpu_context_get_info,
    .operations = {RAPT_EACH_OPERATION(ENTRY)},
    .execute = execute,
    .check_stream = check_stream,
    .check_weights = rapt_cpu_check_weights,
    .weights_create = rapt_cpu_weights_create,
    .weights_destroy = rapt_cpu_weights_destroy,
};
