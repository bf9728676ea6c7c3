// SPDX-License-Identifier: Apache-2.0
// Calls on a stream that is being captured into a graph: with the caller's scratch even a context's first ones allocate
// nothing and wait for nothing (the emulated device ends the program where they do); with the stream's own scratch they
// are refused until it has grown.
#include "capture.h"

#include <string.h>

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

static void check_given_scratch(capture *c, small_calls s, const scratch *own) {
  rapt_error error = {.struct_size = sizeof error};
  s.attention.head.scratch = own->attention;
  s.attention.head.scratch_size = own->attention_size;
  s.mha.head.scratch = own->mha;
  s.mha.head.scratch_size = own->mha_size;
  capture_begin(c);
  CHECK(rapt_sdpa_run(s.context, &s.attention, &error) == RAPT_OK, "attention: %s", error.message);
  CHECK(rapt_linear_run(s.context, &s.linear, &error) == RAPT_OK, "linear: %s", error.message);
  CHECK(rapt_mha_run(s.context, &s.mha, &error) == RAPT_OK, "mha: %s", error.message);
  CHECK(rapt_rope_run(s.context, &s.rope, &error) == RAPT_OK, "rope: %s", error.message);
  capture_end(c);
}

static void check_refusal(rapt_status status, const rapt_error *error, const char *what) {
  CHECK(status == RAPT_INVALID_ARGUMENT && strstr(error->message, "being captured") != NULL &&
            strstr(error->message, "or bring scratch") != NULL,
        "%s without scratch: status %d, %s", what, status, error->message);
}

static void check_scratch_of_stream(capture *c, const small_calls *s, const float *expected) {
  rapt_error error = {.struct_size = sizeof error};
  float got[COUNT];
  capture_begin(c);
  check_refusal(rapt_sdpa_run(s->context, &s->attention, &error), &error, "attention");
  check_refusal(rapt_mha_run(s->context, &s->mha, &error), &error, "mha");
  capture_end(c);
  CHECK(rapt_mha_run(s->context, &s->mha, &error) == RAPT_OK, "before the capture: %s", error.message);
  CHECK(rapt_stream_synchronize(c->stream, &error) == RAPT_OK, "synchronize: %s", error.message);
  capture_begin(c);
  CHECK(rapt_mha_run(s->context, &s->mha, &error) == RAPT_OK, "with grown scratch: %s", error.message);
  CHECK(rapt_sdpa_run(s->context, &s->attention, &error) == RAPT_OK, "with grown scratch: %s", error.message);
  capture_end(c);
  small_result(s, got);
  CHECK(!memcmp(got, expected, sizeof got), "other bits than without a capture");
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
  cuda_release(context, own.mha);
  cuda_release(context, own.attention);
  small_close(&s);
  capture_close(&c);
  rapt_context_destroy(context);
  return check_finish("cuda_abi_capture_test");
}
