// SPDX-License-Identifier: Apache-2.0
#include "cli.h"
#include "clock.h"
#include "cuda.h"

// The first calls of a kernel find caches and clocks cold.
enum { WARM_UPS = 3, CALLS_IN_A_ROW = 16, MOST_CALLS = 1000 };

// Between two events: enough that neither they nor one launch show.
static const double SAMPLE_SECONDS = 2e-3;

typedef struct timing {
  const cuda_call *call;
  // Between two events.
  int calls;
  rapt_stream *stream;
  rapt_event *start, *end;
} timing;

static int fail(const rapt_error *error) {
  cli_fail("%s", error->message);
  return 0;
}

static int sample_events(void *state, double *seconds) {
  const timing *t = state;
  rapt_error error = {.struct_size = sizeof error};
  float milliseconds = 0;
  if (rapt_event_record(t->start, t->stream, &error) != RAPT_OK) return fail(&error);
  for (int i = 0; i < t->calls; i++) {
    if (!t->call->run(t->call->state)) return 0;
  }
  if (rapt_event_record(t->end, t->stream, &error) != RAPT_OK || rapt_event_synchronize(t->end, &error) != RAPT_OK ||
      rapt_event_elapsed(t->start, t->end, &milliseconds, &error) != RAPT_OK) {
    return fail(&error);
  }
  *seconds = (double)milliseconds * 1e-3 / t->calls;
  return 1;
}

static int sample_enqueueing(void *state, double *seconds) {
  const timing *t = state;
  rapt_error error = {.struct_size = sizeof error};
  int good = 1;
  double start = clock_seconds();
  for (int i = 0; i < CALLS_IN_A_ROW && good; i++) good = t->call->run(t->call->state);
  *seconds = (clock_seconds() - start) / CALLS_IN_A_ROW;
  return good && (rapt_stream_synchronize(t->stream, &error) == RAPT_OK || fail(&error));
}

static int collect(const cuda_call *call, int (*sample)(void *state, double *seconds), int64_t iters, stats *out) {
  timing t = {.call = call, .calls = 1};
  rapt_error error = {.struct_size = sizeof error};
  int good = rapt_stream_create(call->on->context, &t.stream, &error) == RAPT_OK &&
             rapt_event_create(call->on->context, &t.start, &error) == RAPT_OK &&
             rapt_event_create(call->on->context, &t.end, &error) == RAPT_OK;
  if (!good) cli_fail("%s", error.message);
  *call->stream = t.stream;
  double seconds = 0;
  for (int i = 0; i < WARM_UPS && good; i++) good = sample(&t, &seconds);
  if (seconds < SAMPLE_SECONDS) {
    t.calls = seconds * MOST_CALLS > SAMPLE_SECONDS ? (int)(SAMPLE_SECONDS / seconds) + 1 : MOST_CALLS;
  }
  good = good && stats_collect(sample, &t, iters, out);
  *call->stream = NULL;
  rapt_event_destroy(t.end);
  rapt_event_destroy(t.start);
  rapt_stream_destroy(t.stream);
  return good;
}

int cuda_time(const cuda_call *call, int64_t iters, stats *out) { return collect(call, sample_events, iters, out); }

int cuda_time_enqueueing(const cuda_call *call, int64_t iters, stats *out) {
  return collect(call, sample_enqueueing, iters, out);
}
