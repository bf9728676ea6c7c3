// SPDX-License-Identifier: Apache-2.0
#include "cuda.h"

#include <math.h>

#include "cli.h"
#include "storage.h"

enum { COPIES = 8 };
static const int64_t LARGEST_COPY = INT64_C(1) << 30;

void *cuda_copy_of(const device *on, const void *data, size_t bytes) {
  rapt_error error = {.struct_size = sizeof error};
  void *memory = NULL;
  if (rapt_memory_allocate(on->context, RAPT_MEMORY_DEVICE, (int64_t)bytes, &memory, &error) == RAPT_OK &&
      rapt_memory_copy(on->context, memory, data, (int64_t)bytes, NULL, &error) == RAPT_OK) {
    return memory;
  }
  cli_fail("%s", error.message);
  cuda_give_back(on, memory);
  return NULL;
}

int cuda_fetch(const device *on, void *to, const void *from, size_t bytes) {
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_memory_copy(on->context, to, from, (int64_t)bytes, NULL, &error) == RAPT_OK) return 1;
  cli_fail("%s", error.message);
  return 0;
}

void cuda_give_back(const device *on, void *data) { rapt_memory_free(on->context, RAPT_MEMORY_DEVICE, data, NULL); }

// Seconds of one copy, or a negative number.
static float time_copy(const device *on, rapt_stream *stream, rapt_event *event[2], void *to, const void *from,
                       int64_t bytes, rapt_error *error) {
  float milliseconds = -1000;
  int good = rapt_event_record(event[0], stream, error) == RAPT_OK &&
             rapt_memory_copy(on->context, to, from, bytes, stream, error) == RAPT_OK &&
             rapt_event_record(event[1], stream, error) == RAPT_OK &&
             rapt_event_synchronize(event[1], error) == RAPT_OK &&
             rapt_event_elapsed(event[0], event[1], &milliseconds, error) == RAPT_OK;
  return good ? milliseconds / 1000 : -1;
}

int cuda_ceilings(const device *on, ceilings *out) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_stream *stream = NULL;
  rapt_event *event[2] = {NULL, NULL};
  void *memory[2] = {NULL, NULL};
  int64_t available = 0, total = 0;
  int good = rapt_memory_get_info(on->context, &available, &total, &error) == RAPT_OK;
  int64_t bytes = available / 8 < LARGEST_COPY ? available / 8 : LARGEST_COPY;
  good = good && rapt_stream_create(on->context, &stream, &error) == RAPT_OK;
  for (int i = 0; i < 2; i++) {
    good = good && rapt_event_create(on->context, &event[i], &error) == RAPT_OK &&
           rapt_memory_allocate(on->context, RAPT_MEMORY_DEVICE, bytes, &memory[i], &error) == RAPT_OK;
  }
  for (int i = 0; i < COPIES && good; i++) {
    float seconds = time_copy(on, stream, event, memory[1], memory[0], bytes, &error);
    good = seconds >= 0;
    // Read once and written once.
    out->gbps = seconds > 0 ? fmax(out->gbps, 2 * (double)bytes / (double)seconds * 1e-9) : out->gbps;
  }
  out->copied = 1;
  out->buffer_bytes = (size_t)bytes;
  if (!good) cli_fail("%s", error.message);
  for (int i = 0; i < 2; i++) {
    cuda_give_back(on, memory[i]);
    rapt_event_destroy(event[i]);
  }
  rapt_stream_destroy(stream);
  return good;
}

void cuda_allow_rounded_steps(check *c, int32_t dtype) {
  c->allowed += 4 * storage_rounding(dtype) * c->largest;
  c->passed = c->difference <= c->allowed;
}

void cuda_allow_rounded_weights(check *c, int32_t dtype) {
  c->allowed += storage_rounding(dtype);
  c->passed = c->difference <= c->allowed;
}

int measure_copy_on(const device *on, ceilings *out) {
  return on->cuda ? cuda_ceilings(on, out) : ceilings_measure_copy(on->threads, out);
}
