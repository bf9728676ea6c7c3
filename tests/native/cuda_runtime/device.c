// SPDX-License-Identifier: Apache-2.0
#include "device.h"

#include <string.h>

#include "support/check.h"

rapt_context *cuda_context(int32_t ordinal) {
  rapt_context_options options = {.struct_size = sizeof options, .device = RAPT_DEVICE_CUDA, .ordinal = ordinal};
  rapt_error error = {.struct_size = sizeof error};
  rapt_context *context = NULL;
  if (rapt_context_create(&options, &context, &error) != RAPT_OK) check_abort("no CUDA context: %s", error.message);
  return context;
}

int cuda_is_emulated(const rapt_context *context) {
  rapt_context_info info = {.struct_size = sizeof info};
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_context_get_info(context, &info, &error) != RAPT_OK) {
    check_abort("no information on the context: %s", error.message);
  }
  return !strncmp(info.name, "emulated", strlen("emulated"));
}

void *cuda_allocate(rapt_context *context, size_t bytes) {
  rapt_error error = {.struct_size = sizeof error};
  void *memory = NULL;
  if (rapt_memory_allocate(context, RAPT_MEMORY_DEVICE, (int64_t)bytes, &memory, &error) != RAPT_OK) {
    check_abort("no device memory: %s", error.message);
  }
  return memory;
}

static void copy(rapt_context *context, void *to, const void *from, size_t bytes) {
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_memory_copy(context, to, from, (int64_t)bytes, NULL, &error) != RAPT_OK) {
    check_abort("the test cannot copy: %s", error.message);
  }
}

void *cuda_upload(rapt_context *context, const void *from, size_t bytes) {
  void *memory = cuda_allocate(context, bytes);
  copy(context, memory, from, bytes);
  return memory;
}

void cuda_download(rapt_context *context, void *to, const void *from, size_t bytes) { copy(context, to, from, bytes); }

void cuda_release(rapt_context *context, void *memory) {
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_memory_free(context, RAPT_MEMORY_DEVICE, memory, &error) != RAPT_OK) {
    check_abort("the test cannot free device memory: %s", error.message);
  }
}

rapt_tensor mirror_add(mirror *m, const test_tensor *t) {
  rapt_tensor tensor = t->tensor;
  if (t->start == NULL || !t->bytes) return tensor;
  if (m->count == MOST_MIRRORED) check_abort("the test mirrors more than %d tensors", MOST_MIRRORED);
  unsigned char *device = cuda_upload(m->context, t->start, t->bytes);
  m->host[m->count] = t;
  m->device[m->count++] = device;
  tensor.data = device + ((unsigned char *)t->tensor.data - t->start);
  return tensor;
}

void mirror_fetch(const mirror *m, const test_tensor *t) {
  for (int i = 0; i < m->count; i++) {
    if (m->host[i] == t) cuda_download(m->context, t->start, m->device[i], t->bytes);
  }
}

void mirror_close(mirror *m) {
  for (int i = 0; i < m->count; i++) cuda_release(m->context, m->device[i]);
  m->count = 0;
}
