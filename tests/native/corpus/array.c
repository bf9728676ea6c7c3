// SPDX-License-Identifier: Apache-2.0
#include "array.h"

#include <string.h>

static size_t element_size(element type) {
  static const size_t sizes[] = {4, 2, 2, 1, 8, 1};
  return sizes[type];
}

static void layout_strides(layout as, const int64_t size[4], int64_t stride[4]) {
  const int64_t h = size[1], s = size[2], d = size[3], row = d + 3, head = s * row + 5;
  const int64_t strides[INPUT_LAYOUTS][4] = {
      {h * s * d, s * d, d, 1},
      {s * h * d, d, h * d, 1},
      {h * head + 7, head, row, 1},
      {h * s * d, s * d, 1, s},
      {-h * s * d, -s * d, -d, -1},
      {2 * h * s * d, 2 * s * d, 2 * d, 1},
      {2 * h * s * d, 2 * s * d, 2 * d, 2},
      {0, s * d, d, 1},
      {0, 0, d, 1},
  };
  memcpy(stride, strides[as], sizeof strides[as]);
}

void array_place_strided(array *a, element type, const int64_t size[4], const int64_t stride[4], int side) {
  int64_t low = 0, high = 0;
  int empty = 0;
  a->type = type;
  for (int d = 0; d < 4; d++) {
    a->size[d] = size[d];
    a->stride[d] = stride[d];
    int64_t reach = (size[d] - 1) * stride[d];
    empty |= size[d] == 0;
    low += reach < 0 ? reach : 0;
    high += reach > 0 ? reach : 0;
  }
  a->bytes = empty ? 0 : (size_t)(high - low + 1) * element_size(type);
  a->start = guard_place(&a->buffer, a->bytes, side);
  a->data = a->start + (empty ? 0 : (size_t)-low * element_size(type));
}

void array_place(array *a, element type, const int64_t size[4], layout as, int side) {
  int64_t stride[4];
  layout_strides(as, size, stride);
  array_place_strided(a, type, size, stride, side);
}

void array_place_rows(array *a, element type, const int64_t size[3], layout as, int side) {
  const int64_t all[4] = {1, size[0], size[1], size[2]};
  array_place(a, type, all, as, side);
}

void array_place_vector(array *a, element type, int64_t count, int64_t stride, int side) {
  const int64_t size[4] = {1, 1, 1, count}, strides[4] = {0, 0, 0, stride};
  array_place_strided(a, type, size, strides, side);
}

void array_place_broadcast(array *a, element type, const int64_t size[4], int64_t bits, int64_t gap, int side) {
  int64_t stride[4], next = gap == 2 ? 2 : 1;
  for (int d = 3; d >= 0; d--) {
    int there = (bits >> d) & 1;
    stride[d] = there ? next : 0;
    next *= there ? size[d] : 1;
    next += gap == 1 && d == 3 ? 3 : 0;
  }
  array_place_strided(a, type, size, stride, side);
}

void array_view(array *a, const array *owner, int64_t offset, const int64_t size[4]) {
  guard_buffer own = a->buffer;
  *a = *owner;
  a->buffer = own;
  a->data = (unsigned char *)owner->data + offset * (int64_t)element_size(owner->type);
  memcpy(a->size, size, sizeof a->size);
}

void array_clear(array *a) {
  a->data = NULL;
  a->start = NULL;
  a->bytes = 0;
  memset(a->size, 0, sizeof a->size);
}

void array_wipe(array *a) {
  if (a->bytes) memset(a->start, CANARY, a->bytes);
}

// By dropping bits, not by rounding: which number a problem holds does not matter, only that it is always the same.
static uint16_t to_f16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  uint32_t fraction = bits & 0x7fffff;
  int exponent = (int)(bits >> 23 & 0xff) - 127;
  if (exponent == 128) return (uint16_t)(sign | (fraction ? 0x7e00 : 0x7c00));
  if (exponent > 15) return sign | 0x7bff;
  if (exponent >= -14) return (uint16_t)(sign | (exponent + 15) << 10 | fraction >> 13);
  if (exponent < -24) return sign;
  return (uint16_t)(sign | (fraction | 0x800000) >> (-1 - exponent));
}

static int8_t to_i8(float x) {
  if (!(x > -128)) return -128;
  return x < 127 ? (int8_t)x : 127;
}

void array_set(array *a, int64_t at, float x) {
  uint32_t bits;
  switch (a->type) {
    case ELEMENT_F32:
      ((float *)a->data)[at] = x;
      break;
    case ELEMENT_F16:
      ((uint16_t *)a->data)[at] = to_f16(x);
      break;
    case ELEMENT_BF16:
      memcpy(&bits, &x, sizeof bits);
      ((uint16_t *)a->data)[at] = (uint16_t)(bits >> 16);
      break;
    case ELEMENT_I8:
      ((int8_t *)a->data)[at] = to_i8(x);
      break;
    case ELEMENT_I64:
      ((int64_t *)a->data)[at] = (int64_t)x;
      break;
    default:
      ((unsigned char *)a->data)[at] = x != 0;
  }
}

void array_fill(array *a, random_state *r, float scale) {
  if (a->data == NULL) return;
  FOR_EACH(a, i, j, k, l) { array_set(a, array_index(a, i, j, k, l), scale * random_unit(r)); }
}

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

// Of two NaN that meet, x86 keeps the first operand, and which that is the compiler chooses: sign and payload of a
// result are not the kernel's. Only the canary, which is one too, must stay what nobody wrote.
static uint32_t element_bits(const array *a, size_t at) {
  if (a->type == ELEMENT_F32) {
    uint32_t bits;
    memcpy(&bits, a->start + 4 * at, sizeof bits);
    return (bits & 0x7fffffff) > 0x7f800000 && bits != 0xffffffff ? 0x7fc00000 : bits;
  }
  uint16_t bits;
  memcpy(&bits, a->start + 2 * at, sizeof bits);
  uint16_t infinity = a->type == ELEMENT_F16 ? 0x7c00 : 0x7f80;
  return (bits & 0x7fff) > infinity && bits != 0xffff ? 0x7fff : bits;
}

uint64_t array_hash(const array *a, uint64_t hash) {
  size_t count = a->bytes / element_size(a->type);
  for (size_t i = 0; i < count; i++) hash = mix(hash, element_bits(a, i));
  // The file keeps the lower half, which takes the upper bits of a product only by this.
  hash = mix(hash, a->bytes);
  return hash ^ hash >> 32;
}
