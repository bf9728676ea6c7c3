// SPDX-License-Identifier: Apache-2.0
// Memory between two pages that may not be touched, and strided tensors inside it.
#ifndef RAPT_TESTS_SUPPORT_GUARD_H
#define RAPT_TESTS_SUPPORT_GUARD_H

#include <rapt/rapt.h>
#include <stddef.h>
#include <stdint.h>

// Pages with an unreadable page on either side; kept between cases and grown when a case needs more.
typedef struct guard_buffer {
  unsigned char *base;
  size_t capacity;
} guard_buffer;

enum guard_side {
  // The last byte stands right before the upper guard page.
  GUARD_END = 0,
  // The first byte stands right after the lower guard page.
  GUARD_BEGIN = 1
};

// Room for exactly this many bytes at one of the guards, filled with the canary byte.
void *guard_place(guard_buffer *buffer, size_t bytes, int side);

void guard_free(guard_buffer *buffer);

// A tensor with its own guarded memory (or a view of another's), its sizes, and the elements it may touch.
typedef struct test_tensor {
  rapt_tensor tensor;
  int rank;
  int64_t size[4];
  guard_buffer buffer;
  unsigned char *start;
  size_t bytes;
} test_tensor;

// All bytes of untouched memory; as f32 it is a NaN, so an element nobody wrote shows.
enum { CANARY = 0xFF };

// Lays out a tensor of these sizes and strides (in elements; zero and negative ones too) in exactly the memory it
// names. Sizes may be zero.
void test_tensor_place(test_tensor *t, int32_t dtype, int rank, const int64_t *size, const int64_t *stride, int side);

// The same elements as the owner, or some of them: begins at the owner's element `offset` elements further.
void test_tensor_view(test_tensor *t, const test_tensor *owner, int64_t offset, int rank, const int64_t *size,
                      const int64_t *stride);

// Makes the tensor absent (dtype 0, data NULL). Keeps the memory for the next case.
void test_tensor_clear(test_tensor *t);

// Refills the whole memory with the canary.
void test_tensor_wipe(test_tensor *t);

// The number of elements that are in the memory but not in the tensor and no longer hold the canary.
int64_t test_tensor_damage(const test_tensor *t);

static inline int tensor_present(const rapt_tensor *t) { return t->dtype != 0; }

// The element index of (i, j, k, l); dimensions beyond the rank are ignored.
static inline int64_t tensor_index(const rapt_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l) {
  return i * t->stride[0] + j * t->stride[1] + k * t->stride[2] + l * t->stride[3];
}

static inline float *tensor_f32(const rapt_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l) {
  return (float *)t->data + tensor_index(t, i, j, k, l);
}

static inline unsigned char *tensor_bool(const rapt_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l) {
  return (unsigned char *)t->data + tensor_index(t, i, j, k, l);
}

#endif
