// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "storage.h"

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void guard_free(guard_buffer *buffer) {
  if (buffer->base != NULL) munmap(buffer->base - page_size(), buffer->capacity + 2 * page_size());
  buffer->base = NULL;
  buffer->capacity = 0;
}

void *guard_place(guard_buffer *buffer, size_t bytes, int side) {
  size_t page = page_size();
  if (buffer->base == NULL || buffer->capacity < bytes) {
    guard_free(buffer);
    size_t capacity = (bytes + bytes / 2 + page) / page * page;
    unsigned char *all =
        mmap(NULL, capacity + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) check_abort("the test cannot map %zu bytes", capacity);
    if (mprotect(all, page, PROT_NONE) || mprotect(all + page + capacity, page, PROT_NONE)) {
      check_abort("the test cannot protect its guard pages");
    }
    buffer->base = all + page;
    buffer->capacity = capacity;
  }
  unsigned char *start = side == GUARD_BEGIN ? buffer->base : buffer->base + (buffer->capacity - bytes);
  memset(start, CANARY, bytes);
  return start;
}

// Strides beyond the rank are ignored, says rapt.h: using one would point far away.
#define UNUSED_STRIDE (INT64_C(1) << 40)

static void describe(test_tensor *t, int32_t dtype, int rank, const int64_t *size, const int64_t *stride) {
  t->rank = rank;
  memset(&t->tensor, 0, sizeof t->tensor);
  t->tensor.dtype = dtype;
  for (int d = 0; d < 4; d++) {
    t->size[d] = d < rank ? size[d] : 1;
    t->tensor.stride[d] = d < rank ? stride[d] : UNUSED_STRIDE;
  }
}

void test_tensor_place(test_tensor *t, int32_t dtype, int rank, const int64_t *size, const int64_t *stride, int side) {
  describe(t, dtype, rank, size, stride);
  int64_t low = 0;
  int64_t high = 0;
  int empty = 0;
  for (int d = 0; d < rank; d++) {
    empty |= size[d] == 0;
    int64_t reach = (size[d] - 1) * stride[d];
    if (reach < 0) {
      low += reach;
    } else {
      high += reach;
    }
  }
  t->bytes = empty ? 0 : (size_t)(high - low + 1) * storage_size(dtype);
  t->start = guard_place(&t->buffer, t->bytes, side);
  t->tensor.data = t->start + (empty ? 0 : (size_t)-low * storage_size(dtype));
}

void test_tensor_view(test_tensor *t, const test_tensor *owner, int64_t offset, int rank, const int64_t *size,
                      const int64_t *stride) {
  describe(t, owner->tensor.dtype, rank, size, stride);
  t->start = owner->start;
  t->bytes = owner->bytes;
  t->tensor.data = (unsigned char *)owner->tensor.data + offset * (int64_t)storage_size(owner->tensor.dtype);
}

void test_tensor_clear(test_tensor *t) {
  memset(&t->tensor, 0, sizeof t->tensor);
  t->bytes = 0;
  t->start = NULL;
}

void test_tensor_wipe(test_tensor *t) {
  if (t->bytes) memset(t->start, CANARY, t->bytes);
}

int64_t test_tensor_damage(const test_tensor *t) {
  if (!t->bytes) return 0;
  unsigned char *inside = calloc(t->bytes, 1);
  if (inside == NULL) check_abort("the test cannot allocate %zu bytes", t->bytes);
  size_t width = storage_size(t->tensor.dtype);
  size_t origin = (size_t)((unsigned char *)t->tensor.data - t->start);
  for (int64_t i = 0; i < t->size[0]; i++) {
    for (int64_t j = 0; j < t->size[1]; j++) {
      for (int64_t k = 0; k < t->size[2]; k++) {
        for (int64_t l = 0; l < t->size[3]; l++) {
          memset(inside + (int64_t)origin + tensor_index(&t->tensor, i, j, k, l) * (int64_t)width, 1, width);
        }
      }
    }
  }
  int64_t damaged = 0;
  for (size_t i = 0; i < t->bytes; i++) damaged += !inside[i] && t->start[i] != CANARY;
  free(inside);
  return damaged;
}
