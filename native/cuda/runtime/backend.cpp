// SPDX-License-Identifier: Apache-2.0
// The table that the core asks the plug-in for.
#include "cuda/runtime/state.h"

const rapt_backend rapt_cuda_backend = {
    RAPT_BACKEND_VERSION,       rapt_cuda_unavailable,     rapt_cuda_context_create,     rapt_cuda_context_destroy,
    rapt_cuda_context_get_info, rapt_cuda_sdpa_plan,       rapt_cuda_sdpa_run,           rapt_cuda_linear_create,
    rapt_cuda_linear_destroy,   rapt_cuda_linear_plan,     rapt_cuda_linear_run,         rapt_cuda_mha_plan,
    rapt_cuda_mha_run,          rapt_cuda_rope_plan,       rapt_cuda_rope_run,           rapt_cuda_memory_allocate,
    rapt_cuda_memory_free,      rapt_cuda_memory_get_info, rapt_cuda_memory_copy,        rapt_cuda_stream_create,
    rapt_cuda_stream_wrap,      rapt_cuda_stream_destroy,  rapt_cuda_stream_synchronize, rapt_cuda_stream_wait,
    rapt_cuda_event_create,     rapt_cuda_event_destroy,   rapt_cuda_event_record,       rapt_cuda_event_synchronize,
    rapt_cuda_event_query,      rapt_cuda_event_elapsed,
};

extern "C" RAPT_API const rapt_backend *rapt_backend_entry(void);

const rapt_backend *rapt_backend_entry(void) { return &rapt_cuda_backend; }
