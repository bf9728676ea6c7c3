// SPDX-License-Identifier: Apache-2.0
// Many threads on one context: on its own stream, on one shared stream, and each on one of its own; the same bits.
#include <pthread.h>
#include <string.h>

#include "device.h"
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
  rapt_context_destroy(context);
  return check_finish("cuda_abi_threads_test");
}
