// SPDX-License-Identifier: Apache-2.0
// Tensors of the corpus: strided, between guard pages, and of no type of rapt.h, so that a change of the ABI neither
// changes a problem nor needs a change here.
#ifndef RAPT_TESTS_CORPUS_ARRAY_H
#define RAPT_TESTS_CORPUS_ARRAY_H

#include <stddef.h>
#include <stdint.h>

#include "support/guard.h"
#include "support/random.h"

typedef enum element {
  ELEMENT_F32 = 0,
  ELEMENT_F16 = 1,
  ELEMENT_BF16 = 2,
  ELEMENT_I8 = 3,
  ELEMENT_I64 = 4,
  ELEMENT_BOOL = 5
} element;

// data is NULL where the array is absent; start and bytes are all of its memory, gaps included.
typedef struct array {
  element type;
  int64_t size[4];
  int64_t stride[4];
  void *data;
  unsigned char *start;
  size_t bytes;
  guard_buffer buffer;
} array;

// How (batch, heads, rows, width) lies in memory.
typedef enum layout {
  LAYOUT_DENSE = 0,
  // Heads inside rows.
  LAYOUT_BSHD = 1,
  // Odd gaps after rows, heads and batches.
  LAYOUT_PADDED = 2,
  // Columns first: elements of a row are apart.
  LAYOUT_TRANSPOSED = 3,
  LAYOUT_REVERSED = 4,
  // Every other row.
  LAYOUT_SKIPPING = 5,
  // Every other element.
  LAYOUT_SPREAD = 6,
  // Inputs only: shared by the batch; by its heads too.
  LAYOUT_SHARED_BATCH = 7,
  LAYOUT_SHARED = 8,
  INPUT_LAYOUTS = 9,
  OUTPUT_LAYOUTS = 7
} layout;

// Memory of exactly what size and layout name, all of it the canary.
void array_place(array *a, element type, const int64_t size[4], layout as, int side);

// The same with strides of the caller's.
void array_place_strided(array *a, element type, const int64_t size[4], const int64_t stride[4], int side);

// (1, batch, rows, width) of an operation without heads: LAYOUT_BSHD puts the batch inside the rows.
void array_place_rows(array *a, element type, const int64_t size[3], layout as, int side);

// Dense, of one dimension: the last.
void array_place_vector(array *a, element type, int64_t count, int64_t stride, int side);

// Of (batch, heads, rows, width) the dimensions whose bit (1 batch, 2 heads, 4 rows, 8 width) is set; the others are
// broadcast. gap: 0 dense, 1 a gap behind every row, 2 every other element.
void array_place_broadcast(array *a, element type, const int64_t size[4], int64_t bits, int64_t gap, int side);

// Other elements of the owner's memory, the first `offset` elements behind its first.
void array_view(array *a, const array *owner, int64_t offset, const int64_t size[4]);

void array_clear(array *a);
void array_wipe(array *a);

static inline int64_t array_index(const array *a, int64_t i, int64_t j, int64_t k, int64_t l) {
  return i * a->stride[0] + j * a->stride[1] + k * a->stride[2] + l * a->stride[3];
}

// Sets an element; 16-bit types drop what they cannot hold, i8 takes -128 to 127.
void array_set(array *a, int64_t at, float x);

// Every element scale times a number in [-1, 1).
void array_fill(array *a, random_state *r, float scale);

// Goes on from hash with all memory of a floating-point array, gaps included; every NaN counts as the same one.
uint64_t array_hash(const array *a, uint64_t hash);

// i, j, k and l over all elements, the last dimension innermost.
#define FOR_EACH(a, i, j, k, l)                  \
  for (int64_t i = 0; i < (a)->size[0]; i++)     \
    for (int64_t j = 0; j < (a)->size[1]; j++)   \
      for (int64_t k = 0; k < (a)->size[2]; k++) \
        for (int64_t l = 0; l < (a)->size[3]; l++)

#endif
