// SPDX-License-Identifier: Apache-2.0
// Many threads on one context: on its own stream, on one shared stream, and each on one of its own; the same bits.
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "driver.h"
#include "small.h"
#include "support/check.h"

enum { THREADS = 4, REPEATS = TEST_REDUCED ? 1 : 5, COUNT = SMALL_QUERIES * SMALL_WIDTH };

typedef struct worker {
  rapt_context *context;
  rapt_stream *shared;
  const float *expected;
  int index;
} worker;

// kv_len differs, so that calls of several scratch sizes share a stream.
static int64_t keys_of(int index) { return 5 + 400 * index; }

static void run(small_calls *s, rapt_stream *stream, const worker *w) {
  rapt_error error = {.struct_size = sizeof error};
  float got[COUNT];
  s->mha.head.stream = stream;
  CHECK(rapt_mha_run(w->context, &s->mha, &error) == RAPT_OK, "thread %d: %s", w->index, error.message);
  if (stream != NULL) {
    CHECK(rapt_stream_synchronize(stream, &error) == RAPT_OK, "thread %d: %s", w->index, error.message);
  }
  small_result(s, got);
  CHECK(!memcmp(got, w->expected, sizeof got), "thread %d: other bits than alone", w->index);
}

static void *work(void *argument) {
  const worker *w = argument;
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *own = NULL;
  CHECK(rapt_stream_create(w->context, &own, &error) == RAPT_OK, "stream: %s", error.message);
  rapt_stream *streams[] = {NULL, w->shared, own};
  small_calls s;
  small_open(&s, w->context, keys_of(w->index));
  for (int i = 0; i < 3 * REPEATS; i++) run(&s, streams[i % 3], w);
  small_close(&s);
  rapt_stream_destroy(own);
  return NULL;
}

// What a stream holds up, and how far the thread is that waits for it.
typedef struct held {
  rapt_context *context;
  void *memory;
  sem_t waits, go_on;
} held;

// Holds the stream up.
static void hold(void *argument) {
  held *h = argument;
  struct timespec limit;
  clock_gettime(CLOCK_REALTIME, &limit);
  limit.tv_sec += 20;
  sem_post(&h->waits);
  CHECK(sem_timedwait(&h->go_on, &limit) == 0, "another thread had to wait for a stream that is not its own");
}

static void *free_memory(void *argument) {
  held *h = argument;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_memory_free(h->context, RAPT_MEMORY_DEVICE, h->memory, &error) == RAPT_OK, "free: %s", error.message);
  return NULL;
}

// While one thread frees memory and waits for a stream's work, others make streams, use them and end them, also a
// stream that the first one has not come to yet.
static void check_held_up(rapt_context *context) {
  rapt_error error = {.struct_size = sizeof error};
  held h = {.context = context, .memory = cuda_allocate(context, 64)};
  void *primary = NULL, *native = NULL;
  rapt_stream *busy = NULL, *next = NULL;
  const driver_api *driver = driver_load(cuda_is_emulated(context));
  small_calls s;
  small_open(&s, context, keys_of(1));
  sem_init(&h.waits, 0, 0);
  sem_init(&h.go_on, 0, 0);
  driver_expect(driver->retain(&primary, 0), "cuDevicePrimaryCtxRetain");
  driver_expect(driver->set_current(primary), "cuCtxSetCurrent");
  driver_expect(driver->stream_create(&native, DRIVER_NON_BLOCKING), "cuStreamCreate");
  CHECK(rapt_stream_wrap(context, native, &busy, &error) == RAPT_OK, "wrap: %s", error.message);
  CHECK(rapt_stream_create(context, &next, &error) == RAPT_OK, "stream: %s", error.message);
  driver_expect(driver->launch_host(native, hold, &h), "cuLaunchHostFunc");
  pthread_t thread;
  if (pthread_create(&thread, NULL, free_memory, &h)) check_abort("the test cannot start its thread");
  sem_wait(&h.waits);
  rapt_stream *other = NULL;
  CHECK(rapt_stream_create(context, &other, &error) == RAPT_OK, "stream: %s", error.message);
  s.mha.head.stream = other;
  CHECK(rapt_mha_run(context, &s.mha, &error) == RAPT_OK, "mha: %s", error.message);
  CHECK(rapt_stream_synchronize(other, &error) == RAPT_OK, "wait: %s", error.message);
  rapt_stream_destroy(other);
  rapt_stream_destroy(next);
  sem_post(&h.go_on);
  // Ends only when the other thread is done with it.
  rapt_stream_destroy(busy);
  driver_expect(driver->stream_destroy(native), "cuStreamDestroy");
  pthread_join(thread, NULL);
  small_close(&s);
  driver_expect(driver->release(0), "cuDevicePrimaryCtxRelease");
  sem_destroy(&h.waits);
  sem_destroy(&h.go_on);
}

int main(void) {
  check_start();
  rapt_context *context = cuda_context(0);
  rapt_error error = {.struct_size = sizeof error};
  float expected[THREADS][COUNT];
  for (int i = 0; i < THREADS; i++) {
    small_calls s;
    small_open(&s, context, keys_of(i));
    CHECK(rapt_mha_run(context, &s.mha, &error) == RAPT_OK, "alone: %s", error.message);
    small_result(&s, expected[i]);
    small_close(&s);
  }
  rapt_stream *shared = NULL;
  CHECK(rapt_stream_create(context, &shared, &error) == RAPT_OK, "stream: %s", error.message);
  pthread_t threads[THREADS];
  worker workers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker){context, shared, expected[i], i};
    if (pthread_create(&threads[i], NULL, work, &workers[i])) check_abort("the test cannot start its threads");
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  rapt_stream_destroy(shared);
  check_held_up(context);
  rapt_context_destroy(context);
  return check_finish("cuda_abi_threads_test");
}
