// SPDX-License-Identifier: Apache-2.0
// The one file that sees every operation of the plug-in.
#include "cuda/device.h"

#include "cuda/linear/linear.h"
#include "cuda/runtime/call.h"
#include "cuda/runtime/choice.h"
#include "cuda/runtime/rows.h"
#include "cuda/runtime/state.h"
#include "cuda/selfcheck/words.h"

// Every operation has two more names here: its plans' names, and the function that loads its kernels.
#define DECLARE(NUMBER, word)                            \
  extern const rapt_cuda_names rapt_cuda_##word##_names; \
  int rapt_cuda_prepare_##word(const rapt_cuda_properties &device);
RAPT_EACH_OPERATION(DECLARE)

#define NAMES(NUMBER, word) {&rapt_cuda_##word##_names, #word},
const rapt_cuda_use_names rapt_cuda_uses[RAPT_CUDA_USES] = {
    RAPT_EACH_OPERATION(NAMES){&rapt_cuda_sdpa_names, "mha"},
    {&rapt_cuda_linear_names, "mha"},
};

driver_code rapt_cuda_prepare(const driver_description &device) {
  rapt_cuda_properties properties = rapt_cuda_properties_of(device);
  driver_code code = rapt_cuda_prepare_rows();
  if (code == DRIVER_SUCCESS) code = rapt_cuda_prepare_words();
#define PREPARE(NUMBER, word) \
  if (code == DRIVER_SUCCESS) code = rapt_cuda_prepare_##word(properties);
  RAPT_EACH_OPERATION(PREPARE)
  return code;
}

static constexpr rapt_device make_device() {
  rapt_device d = {};
  d.version = RAPT_DEVICE_VERSION;
  d.word = "cuda";
  d.unavailable = rapt_cuda_unavailable;
  d.context_create = rapt_cuda_context_create;
  d.context_destroy = rapt_cuda_context_destroy;
  d.context_get_info = rapt_cuda_context_get_info;
  d.context_get_selfcheck = rapt_cuda_context_get_selfcheck;

#define ENTRY(NUMBER, word) d.operations[RAPT_##NUMBER] = &rapt_cuda_##word##_operation;
  RAPT_EACH_OPERATION(ENTRY)
#undef ENTRY
  d.execute = rapt_cuda_execute;
  d.check_stream = rapt_cuda_check_stream;
  d.check_weights = rapt_cuda_check_weights;

  d.weights_create = rapt_cuda_weights_create;
  d.weights_destroy = rapt_cuda_weights_destroy;

  d.memory_allocate = rapt_cuda_memory_allocate;
  d.memory_free = rapt_cuda_memory_free;
  d.memory_get_info = rapt_cuda_memory_get_info;
  d.memory_copy = rapt_cuda_memory_copy;
  d.stream_create = rapt_cuda_stream_create;
  d.stream_wrap = rapt_cuda_stream_wrap;
  d.stream_destroy = rapt_cuda_stream_destroy;
  d.stream_synchronize = rapt_cuda_stream_synchronize;
  d.stream_wait = rapt_cuda_stream_wait;
  d.event_create = rapt_cuda_event_create;
  d.event_destroy = rapt_cuda_event_destroy;
  d.event_record = rapt_cuda_event_record;
  d.event_synchronize = rapt_cuda_event_synchronize;
  d.event_query = rapt_cuda_event_query;
  d.event_elapsed = rapt_cuda_event_elapsed;
  return d;
}

const rapt_device rapt_cuda_device = make_device();

const rapt_device *rapt_device_entry(void) { return &rapt_cuda_device; }
