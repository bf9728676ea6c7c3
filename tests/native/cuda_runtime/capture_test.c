// SPDX-License-Identifier: Apache-2.0
// Calls on a stream that is being captured into a graph: with the caller's scratch even a context's first ones take no
// memory and wait for nothing; with the stream's they are refused, because a graph replays whenever it likes and may
// outlive the stream. What Rapt does on other threads meanwhile leaves the capture whole.
#include "capture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "small.h"
#include "support/check.h"

// As many keys as make attention split them, so that it needs scratch too.
enum { KEYS = 700, COUNT = SMALL_QUERIES * SMALL_WIDTH };

typedef struct scratch {
  void *attention, *mha;
  int64_t attention_size, mha_size;
} scratch;

static scratch take_scratch(const small_calls *s) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  scratch out;
  CHECK(rapt_sdpa_plan(s->context, &s->attention, &plan, &error) == RAPT_OK, "plan: %s", error.message);
  out.attention_size = plan.scratch_size;
  CHECK(rapt_mha_plan(s->context, &s->mha, &plan, &error) == RAPT_OK, "plan: %s", error.message);
  out.mha_size = plan.scratch_size;
  CHECK(out.attention_size > 0 && out.mha_size > 0, "the calls are to need scratch");
  out.attention = cuda_allocate(s->context, (size_t)out.attention_size);
  out.mha = cuda_allocate(s->context, (size_t)out.mha_size);
  return out;
}

static void set_stream(small_calls *s, rapt_stream *stream) {
  s->attention.head.stream = s->linear.head.stream = s->mha.head.stream = s->rope.head.stream = stream;
}

static int64_t free_bytes(rapt_context *context) {
  int64_t available = 0, total = 0;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_memory_get_info(context, &available, &total, &error) == RAPT_OK, "info: %s", error.message);
  return available;
}

static void check_given_scratch(capture *c, small_calls s, const scratch *own) {
  rapt_error error = {.struct_size = sizeof error};
  s.attention.head.scratch = own->attention;
  s.attention.head.scratch_size = own->attention_size;
  s.mha.head.scratch = own->mha;
  s.mha.head.scratch_size = own->mha_size;
  capture_begin(c);
  int64_t before = free_bytes(s.context);
  CHECK(rapt_sdpa_run(s.context, &s.attention, &error) == RAPT_OK, "attention: %s", error.message);
  CHECK(rapt_linear_run(s.context, &s.linear, &error) == RAPT_OK, "linear: %s", error.message);
  CHECK(rapt_mha_run(s.context, &s.mha, &error) == RAPT_OK, "mha: %s", error.message);
  CHECK(rapt_rope_run(s.context, &s.rope, &error) == RAPT_OK, "rope: %s", error.message);
  CHECK(free_bytes(s.context) == before, "a captured call took memory");
  rapt_status waited = rapt_stream_synchronize(c->stream, &error);
  CHECK(waited == RAPT_INVALID_ARGUMENT && strstr(error.message, "being captured") != NULL,
        "waiting for a captured stream: status %d, %s", waited, error.message);
  capture_end(c);
}

static void check_refusal(rapt_status status, const rapt_error *error, const char *what) {
  CHECK(status == RAPT_INVALID_ARGUMENT && strstr(error->message, "being captured") != NULL &&
            strstr(error->message, "bring scratch") != NULL,
        "%s without scratch: status %d, %s", what, status, error->message);
}

// However much the stream holds.
static void check_scratch_of_stream(capture *c, const small_calls *s, const float *expected) {
  rapt_error error = {.struct_size = sizeof error};
  float got[COUNT];
  for (int round = 0; round < 2; round++) {
    capture_begin(c);
    check_refusal(rapt_sdpa_run(s->context, &s->attention, &error), &error, "attention");
    check_refusal(rapt_mha_run(s->context, &s->mha, &error), &error, "mha");
    capture_end(c);
    CHECK(rapt_mha_run(s->context, &s->mha, &error) == RAPT_OK, "between captures: %s", error.message);
    CHECK(rapt_sdpa_run(s->context, &s->attention, &error) == RAPT_OK, "between captures: %s", error.message);
    CHECK(rapt_stream_synchronize(c->stream, &error) == RAPT_OK, "synchronize: %s", error.message);
  }
  small_result(s, got);
  CHECK(!memcmp(got, expected, sizeof got), "other bits than without a capture");
}

// What takes memory, gives it back or waits.
static void *work_beside(void *argument) {
  rapt_context *context = argument, *another = cuda_context(0);
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL;
  rapt_event *event = NULL;
  int32_t done = 0;
  small_calls s;
  small_open(&s, context, KEYS);
  CHECK(rapt_sdpa_run(context, &s.attention, &error) == RAPT_OK, "a call: %s", error.message);
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "a stream: %s", error.message);
  CHECK(rapt_event_create(context, &event, &error) == RAPT_OK, "an event: %s", error.message);
  s.mha.head.stream = stream;
  CHECK(rapt_mha_run(context, &s.mha, &error) == RAPT_OK, "a call on a stream: %s", error.message);
  CHECK(rapt_event_record(event, stream, &error) == RAPT_OK, "record: %s", error.message);
  CHECK(rapt_event_query(event, &done, &error) == RAPT_OK, "query: %s", error.message);
  CHECK(rapt_event_synchronize(event, &error) == RAPT_OK, "the event: %s", error.message);
  CHECK(rapt_stream_synchronize(stream, &error) == RAPT_OK, "the stream: %s", error.message);
  void *pinned = NULL;
  CHECK(rapt_memory_allocate(context, RAPT_MEMORY_PINNED, 64, &pinned, &error) == RAPT_OK, "pinned: %s", error.message);
  CHECK(rapt_memory_free(context, RAPT_MEMORY_PINNED, pinned, &error) == RAPT_OK, "pinned: %s", error.message);
  rapt_event_destroy(event);
  rapt_stream_destroy(stream);
  small_close(&s);
  rapt_context_destroy(another);
  return NULL;
}

static void check_beside_others(capture *c, small_calls s, const scratch *own) {
  rapt_error error = {.struct_size = sizeof error};
  pthread_t thread;
  s.attention.head.scratch = own->attention;
  s.attention.head.scratch_size = own->attention_size;
  capture_begin(c);
  if (pthread_create(&thread, NULL, work_beside, c->context)) check_abort("the test cannot start its thread");
  CHECK(rapt_sdpa_run(s.context, &s.attention, &error) == RAPT_OK, "the captured call: %s", error.message);
  pthread_join(thread, NULL);
  // The capturing thread itself may do so, too.
  work_beside(c->context);
  capture_end(c);
}

// A call on a stream, made by another thread.
typedef struct stream_call {
  rapt_context *context;
  const void *call;
  int32_t kind;
  rapt_status status;
  rapt_error error;
  atomic_int done;
  pthread_t thread;
} stream_call;

static void *make_call(void *argument) {
  stream_call *c = argument;
  c->status = rapt_run_call(c->context, c->kind, c->call, &c->error);
  c->done = 1;
  return NULL;
}

static void begin_call(stream_call *c, rapt_context *context, int32_t kind, const void *call) {
  const struct timespec lead = {.tv_nsec = 100 * 1000 * 1000};
  *c = (stream_call){.context = context, .call = call, .kind = kind, .error = {.struct_size = sizeof c->error}};
  if (pthread_create(&c->thread, NULL, make_call, c)) check_abort("the test cannot start its thread");
  nanosleep(&lead, NULL);
}

// A capture that begins while a call waits for another one on the stream: the call does not take the stream's scratch
// into it. The emulated device works within calls, so that the first one holds the stream up.
static void check_begun_meanwhile(capture *c) {
  rapt_context *context = c->context;
  for (int64_t rows = 100000, waited = 0; cuda_is_emulated(context) && !waited && rows < 10000000; rows *= 4) {
    small_calls s;
    stream_call first, second;
    small_open(&s, context, rows);
    s.linear.rows = rows;
    s.attention.kv_len = KEYS;
    set_stream(&s, c->stream);
    begin_call(&first, context, RAPT_LINEAR, &s.linear);
    begin_call(&second, context, RAPT_SDPA, &s.attention);
    // Else the first call was too fast.
    waited = !second.done;
    capture_begin(c);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    CHECK(first.status == RAPT_OK, "the first call: %s", first.error.message);
    if (waited) check_refusal(second.status, &second.error, "a call that had to wait");
    capture_end(c);
    small_close(&s);
  }
}

static void mark(void *ran) { *(int *)ran = 1; }

// A view that ends within its stream's capture, with scratch that earlier work has used: that work is waited for, the
// capture stays whole, and nothing is left behind. So does a stranger's capture while the context ends.
static void check_end_within(void) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = cuda_context(0);
  int64_t before = free_bytes(context);
  small_calls s;
  capture c;
  int ran = 0;
  small_open(&s, context, KEYS);
  capture_open(&c, context);
  set_stream(&s, c.stream);
  driver_expect(c.driver->launch_host(c.native, mark, &ran), "cuLaunchHostFunc");
  CHECK(rapt_sdpa_run(context, &s.attention, &error) == RAPT_OK, "run: %s", error.message);
  CHECK(rapt_linear_run(context, &s.linear, &error) == RAPT_OK, "linear: %s", error.message);
  capture_begin(&c);
  CHECK(rapt_linear_run(context, &s.linear, &error) == RAPT_OK, "the captured call: %s", error.message);
  rapt_stream_destroy(c.stream);
  CHECK(ran, "scratch was freed before the work that uses it had run");
  c.stream = NULL;
  capture_end(&c);
  small_close(&s);
  capture stranger = {.context = context, .driver = c.driver};
  driver_expect(c.driver->stream_create(&stranger.native, DRIVER_NON_BLOCKING), "cuStreamCreate");
  capture_begin(&stranger);
  rapt_context_destroy(context);
  capture_end(&stranger);
  driver_expect(c.driver->stream_destroy(stranger.native), "cuStreamDestroy");
  capture_close(&c);
  context = cuda_context(0);
  CHECK(free_bytes(context) == before, "%lld bytes were left behind", (long long)(before - free_bytes(context)));
  rapt_context_destroy(context);
}

static void check_default_refused(rapt_status status, const rapt_error *error, const char *what) {
  CHECK(status == RAPT_INVALID_ARGUMENT && strstr(error->message, "the stream is the default stream") != NULL,
        "%s on the default stream: status %d, %s", what, status, error->message);
}

// A capture of a stream that waits for the default stream: whatever uses the default stream then is refused, and the
// capture stays whole.
static void check_default_stream(capture *c) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = c->context;
  rapt_stream *standard = NULL;
  rapt_event *event = NULL;
  capture ordered = {.context = context, .driver = c->driver};
  small_calls s;
  small_open(&s, context, KEYS);
  void *memory = cuda_allocate(context, 64);
  driver_expect(c->driver->stream_create(&ordered.native, DRIVER_ORDERED), "cuStreamCreate");
  CHECK(rapt_stream_wrap(context, NULL, &standard, &error) == RAPT_OK, "wrap: %s", error.message);
  CHECK(rapt_event_create(context, &event, &error) == RAPT_OK, "an event: %s", error.message);
  set_stream(&s, standard);
  CHECK(rapt_sdpa_run(context, &s.attention, &error) == RAPT_OK, "before the capture: %s", error.message);
  CHECK(rapt_event_record(event, standard, &error) == RAPT_OK, "before the capture: %s", error.message);
  CHECK(rapt_stream_wait(standard, event, &error) == RAPT_OK, "before the capture: %s", error.message);
  capture_begin(&ordered);
  check_default_refused(rapt_sdpa_run(context, &s.attention, &error), &error, "attention");
  check_default_refused(rapt_linear_run(context, &s.linear, &error), &error, "a call without scratch");
  check_default_refused(rapt_memory_copy(context, memory, memory, 64, standard, &error), &error, "a copy");
  check_default_refused(rapt_stream_synchronize(standard, &error), &error, "waiting");
  check_default_refused(rapt_event_record(event, standard, &error), &error, "recording an event");
  check_default_refused(rapt_stream_wait(standard, event, &error), &error, "waiting for an event");
  CHECK(rapt_memory_free(context, RAPT_MEMORY_DEVICE, memory, &error) == RAPT_OK, "free: %s", error.message);
  rapt_event_destroy(event);
  rapt_stream_destroy(standard);
  set_stream(&s, NULL);
  CHECK(rapt_sdpa_run(context, &s.attention, &error) == RAPT_OK, "without a stream: %s", error.message);
  capture_end(&ordered);
  driver_expect(c->driver->stream_destroy(ordered.native), "cuStreamDestroy");
  small_close(&s);
}

int main(void) {
  check_start();
  rapt_context *context = cuda_context(0);
  rapt_error error = {.struct_size = sizeof error};
  capture c;
  small_calls s;
  float expected[COUNT];
  small_open(&s, context, KEYS);
  capture_open(&c, context);
  set_stream(&s, c.stream);
  scratch own = take_scratch(&s);
  check_given_scratch(&c, s, &own);
  set_stream(&s, NULL);
  CHECK(rapt_sdpa_run(context, &s.attention, &error) == RAPT_OK, "run: %s", error.message);
  small_result(&s, expected);
  set_stream(&s, c.stream);
  check_scratch_of_stream(&c, &s, expected);
  check_beside_others(&c, s, &own);
  check_begun_meanwhile(&c);
  check_default_stream(&c);
  cuda_release(context, own.mha);
  cuda_release(context, own.attention);
  small_close(&s);
  capture_close(&c);
  rapt_context_destroy(context);
  check_end_within();
  return check_finish("cuda_abi_capture_test");
}
