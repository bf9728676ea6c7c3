// SPDX-License-Identifier: Apache-2.0
// CUDA contexts that somebody else made by the driver's own interface: a Rapt context works in the one that it was made
// for, primary or foreign, from any thread, and leaves every thread's current one as it was. The emulated device ends
// the program where a stream, an event, memory or a kernel is used in another context than its own.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "driver.h"
#include "small.h"
#include "support/check.h"

enum { KEYS = 700, COUNT = SMALL_QUERIES * SMALL_WIDTH };

static const driver_api *driver;

static void *current(void) {
  void *found = NULL;
  driver_expect(driver->get_current(&found), "cuCtxGetCurrent");
  return found;
}

static void make_current(void *context) { driver_expect(driver->set_current(context), "cuCtxSetCurrent"); }

// A foreign context, which nobody has current yet.
static void *create(int ordinal) {
  void *context = NULL;
  driver_expect(driver->create(&context, 0, ordinal), "cuCtxCreate");
  make_current(NULL);
  return context;
}

// Everything that a context does, in whatever context of this thread. out: the attention's numbers.
static void do_everything(rapt_context *context, float *out) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL;
  rapt_event *event = NULL;
  small_calls s;
  small_open(&s, context, KEYS);
  CHECK(rapt_mha_run(context, &s.mha, &error) == RAPT_OK, "mha: %s", error.message);
  CHECK(rapt_linear_run(context, &s.linear, &error) == RAPT_OK, "linear: %s", error.message);
  CHECK(rapt_rope_run(context, &s.rope, &error) == RAPT_OK, "rope: %s", error.message);
  CHECK(rapt_stream_create(context, &stream, &error) == RAPT_OK, "stream: %s", error.message);
  CHECK(rapt_event_create(context, &event, &error) == RAPT_OK, "event: %s", error.message);
  s.attention.head.stream = stream;
  CHECK(rapt_sdpa_run(context, &s.attention, &error) == RAPT_OK, "attention: %s", error.message);
  CHECK(rapt_event_record(event, stream, &error) == RAPT_OK, "record: %s", error.message);
  CHECK(rapt_event_synchronize(event, &error) == RAPT_OK, "wait: %s", error.message);
  CHECK(rapt_stream_synchronize(stream, &error) == RAPT_OK, "wait: %s", error.message);
  small_result(&s, out);
  rapt_event_destroy(event);
  rapt_stream_destroy(stream);
  small_close(&s);
}

typedef struct visitor {
  rapt_context *context;
  float got[COUNT];
} visitor;

// A thread that has no context.
static void *visit(void *argument) {
  visitor *v = argument;
  do_everything(v->context, v->got);
  CHECK(current() == NULL, "a thread without a context has one now");
  return NULL;
}

// On a thread with this context current, with none, and on another thread: the same bits, and what was current stays.
static void check_from_everywhere(rapt_context *context, void *other, const char *what, float *out) {
  float with_none[COUNT];
  make_current(other);
  do_everything(context, out);
  CHECK(current() == other, "%s: the thread's context was not put back", what);
  make_current(NULL);
  do_everything(context, with_none);
  CHECK(current() == NULL, "%s: a thread without a context has one now", what);
  CHECK(!memcmp(out, with_none, sizeof with_none), "%s: other bits where no context is current", what);
  visitor v = {.context = context};
  pthread_t thread;
  if (pthread_create(&thread, NULL, visit, &v)) check_abort("the test cannot start its thread");
  pthread_join(thread, NULL);
  CHECK(!memcmp(out, v.got, sizeof v.got), "%s: other bits on another thread", what);
}

static rapt_context *open_in(void *foreign, int32_t ordinal) {
  rapt_context_options options = {.struct_size = sizeof options,
                                  .device = RAPT_DEVICE_CUDA,
                                  .ordinal = ordinal,
                                  .cuda_context = RAPT_CUDA_CONTEXT_CURRENT};
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  make_current(foreign);
  if (rapt_context_create(&options, &context, &error) != RAPT_OK) check_abort("no foreign context: %s", error.message);
  CHECK(current() == foreign, "making a context has changed the thread's");
  make_current(NULL);
  return context;
}

static void expect_refusal(rapt_status status, const rapt_error *error, const char *name, const char *why) {
  CHECK(status == RAPT_INVALID_ARGUMENT && !strncmp(error->message, name, strlen(name)) &&
            strstr(error->message, why) != NULL,
        "%s: status %d, \"%s\"", name, status, error->message);
}

// The memory and the streams of a context's owner are taken; those of other contexts of the same device are not.
static void check_belongings(rapt_context *context, void *foreign, rapt_context *primary) {
  rapt_error error = {.struct_size = sizeof error};
  small_calls s, others;
  void *memory = NULL, *native = NULL;
  rapt_stream *wrapped = NULL, *of_primary = NULL;
  rapt_event *event = NULL;
  small_open(&s, context, KEYS);
  small_open(&others, primary, KEYS);
  make_current(foreign);
  driver_expect(driver->allocate(&memory, COUNT * sizeof(float)), "cuMemAlloc");
  driver_expect(driver->stream_create(&native, DRIVER_NON_BLOCKING), "cuStreamCreate");
  make_current(NULL);
  CHECK(rapt_stream_wrap(context, native, &wrapped, &error) == RAPT_OK, "wrap: %s", error.message);
  CHECK(rapt_stream_create(primary, &of_primary, &error) == RAPT_OK, "stream: %s", error.message);
  CHECK(rapt_event_create(context, &event, &error) == RAPT_OK, "event: %s", error.message);
  rapt_stream *none = of_primary;
  expect_refusal(rapt_stream_wrap(primary, native, &none, &error), &error, "cuda_stream",
                 "allowed: one of the primary context of CUDA device 0");
  CHECK(none == NULL, "a refused stream was wrapped");
  make_current(NULL);
  void *retained = NULL, *native_of_primary = NULL;
  driver_expect(driver->retain(&retained, 0), "cuDevicePrimaryCtxRetain");
  make_current(retained);
  driver_expect(driver->stream_create(&native_of_primary, DRIVER_NON_BLOCKING), "cuStreamCreate");
  make_current(foreign);
  expect_refusal(rapt_stream_wrap(context, native_of_primary, &none, &error), &error, "cuda_stream",
                 "allowed: one of the context that was current");
  // Every context has a default stream, whatever is current here.
  make_current(retained);
  CHECK(rapt_stream_wrap(context, NULL, &none, &error) == RAPT_OK, "the default stream: %s", error.message);
  rapt_stream_destroy(none);
  driver_expect(driver->stream_destroy(native_of_primary), "cuStreamDestroy");
  make_current(NULL);
  driver_expect(driver->release(0), "cuDevicePrimaryCtxRelease");
  rapt_sdpa call = s.attention;
  call.output.data = memory;
  call.head.stream = wrapped;
  CHECK(rapt_sdpa_run(context, &call, &error) == RAPT_OK, "the owner's memory and stream: %s", error.message);
  CHECK(rapt_stream_synchronize(wrapped, &error) == RAPT_OK, "wait: %s", error.message);
  call.output.data = others.output;
  expect_refusal(rapt_sdpa_run(context, &call, &error), &error, "output", "another CUDA context");
  call.output.data = memory;
  call.head.stream = of_primary;
  expect_refusal(rapt_sdpa_run(context, &call, &error), &error, "the stream", "another CUDA context");
  expect_refusal(rapt_event_record(event, of_primary, &error), &error, "the event", "another CUDA context");
  rapt_linear projection = s.linear;
  projection.weights = others.square;
  expect_refusal(rapt_linear_run(context, &projection, &error), &error, "weights", "another CUDA context");
  rapt_event_destroy(event);
  rapt_stream_destroy(of_primary);
  rapt_stream_destroy(wrapped);
  make_current(foreign);
  driver_expect(driver->stream_destroy(native), "cuStreamDestroy");
  driver_expect(driver->free(memory), "cuMemFree");
  make_current(NULL);
  small_close(&others);
  small_close(&s);
}

static void check_refusals(void *foreign) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *none = NULL;
  rapt_context_options options = {
      .struct_size = sizeof options, .device = RAPT_DEVICE_CUDA, .cuda_context = RAPT_CUDA_CONTEXT_CURRENT};
  make_current(NULL);
  expect_refusal(rapt_context_create(&options, &none, &error), &error, "cuda_context", "no current CUDA context");
  make_current(foreign);
  options.ordinal = 1;
  expect_refusal(rapt_context_create(&options, &none, &error), &error, "ordinal is 1", "of device 0");
  make_current(NULL);
}

int main(void) {
  check_start();
  setenv("RAPT_EMULATED_DEVICES", "2", 1);
  // Opens the plug-in, in which the emulated driver is, too.
  rapt_context *primary = cuda_context(0);
  int emulated = cuda_is_emulated(primary);
  driver = driver_load(emulated);
  rapt_context_destroy(primary);
  void *foreign = create(0);
  float expected[COUNT], got[COUNT];
  make_current(foreign);
  primary = cuda_context(0);
  CHECK(current() == foreign, "making a context has changed the thread's");
  check_from_everywhere(primary, foreign, "the primary context", expected);
  rapt_context *context = open_in(foreign, 0);
  check_from_everywhere(context, foreign, "a foreign context", got);
  CHECK(!memcmp(expected, got, sizeof got), "other bits in a foreign context");
  check_belongings(context, foreign, primary);
  check_refusals(foreign);
  if (emulated) {
    rapt_context *second = cuda_context(1);
    check_from_everywhere(second, foreign, "another device", got);
    rapt_context_destroy(second);
  }
  rapt_context_destroy(context);
  rapt_context_destroy(primary);
  driver_expect(driver->destroy(foreign), "cuCtxDestroy");
  return check_finish("cuda_abi_foreign_test");
}
