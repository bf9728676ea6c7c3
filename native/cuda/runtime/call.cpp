// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime/call.h"

#include <cinttypes>

#include "cuda/runtime/place.h"

// Checks that the device reaches every tensor that has an element. Others are neither read nor written.
static rapt_status check_places(const rapt_cuda_context *context, const rapt_planned *call, rapt_error *error) {
  for (const rapt_operand *o = call->checked->operation->operands; o->name != nullptr; o++) {
    if (!rapt_operand_has_elements(call->checked, call->problem, o)) continue;
    RAPT_CHECK(rapt_cuda_check_place(context, o->name, rapt_operand_tensor(call->problem, o)->data, error));
  }
  return RAPT_OK;
}

// The caller's scratch if there is some, else the stream's; the stream's mutex is held.
static rapt_status find_scratch(const rapt_cuda_context *context, rapt_stream *stream, bool captures,
                                const rapt_planned *call, void **out, rapt_error *error) {
  const rapt_head *head = static_cast<const rapt_head *>(call->problem);
  int64_t needed = call->needs->scratch;
  *out = head->scratch;
  if (needed == 0) return RAPT_OK;
  if (head->scratch == nullptr) {
    if (!captures) return rapt_cuda_scratch(stream, needed, out, error);
    return rapt_fail(
        error, RAPT_INVALID_ARGUMENT,
        "the stream is being captured into a graph, which cannot use the stream's scratch; bring scratch of "
        "%" PRId64 " bytes that is the graph's as long as it replays",
        needed);
  }
  if (head->scratch_size < needed) {
    return rapt_fail(error, RAPT_INVALID_ARGUMENT, "scratch_size is %" PRId64 "; the plan needs %" PRId64,
                     head->scratch_size, needed);
  }
  return rapt_cuda_check_place(context, "scratch", head->scratch, error);
}

rapt_status rapt_cuda_execute(rapt_context *head, const rapt_planned *call, rapt_error *error) {
  rapt_cuda_context *context = rapt_cuda_context_of(head);
  rapt_stream *given = static_cast<const rapt_head *>(call->problem)->stream;
  rapt_stream *stream = given != nullptr ? given : &context->stream;
  rapt_cuda_scope scope(context->native);
  RAPT_CHECK(scope.check(error));
  RAPT_CHECK(check_places(context, call, error));
  rapt_status status;
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    // Asked only now: a capture may have begun while another call had the mutex.
    bool captures = false;
    if (given != nullptr) RAPT_CHECK(rapt_cuda_captures(given, &captures, error));
    void *scratch = nullptr;
    RAPT_CHECK(find_scratch(context, stream, captures, call, &scratch, error));
    status = call->operation->run(head, call->problem, call->plan, scratch, stream, error);
    // A call without a stream is waited for below.
    if (given != nullptr && scratch != nullptr && scratch == stream->scratch) {
      driver_code code = driver_event_record(stream->scratch_used, stream->native);
      if (status == RAPT_OK) status = rapt_cuda_check(code, "recording the use of scratch", error);
    }
  }
  if (given != nullptr) return status;
  if (status != RAPT_OK) {
    // What was enqueued before the failure still uses the caller's memory.
    driver_stream_synchronize(stream->native);
    return status;
  }
  return rapt_cuda_check_launch(driver_stream_synchronize(stream->native), *call->operation, head, call->problem,
                                call->plan, error);
}

rapt_status rapt_cuda_check_launch(driver_code code, const rapt_device_operation &operation,
                                   const rapt_context *context, const void *problem, const void *plan,
                                   rapt_error *error) {
  if (code == DRIVER_SUCCESS) return RAPT_OK;
  char name[rapt_cuda_name_room];
  operation.name(context, problem, plan, name, sizeof name);
  return rapt_cuda_check(code, name, error);
}
