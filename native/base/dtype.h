// SPDX-License-Identifier: Apache-2.0
// The one table of dtypes.
#ifndef RAPT_BASE_DTYPE_H
#define RAPT_BASE_DTYPE_H

#include <stdint.h>

#include "rapt/base.h"

// One behind the last dtype.
#define RAPT_DTYPES (RAPT_Q4_0 + 1)

typedef struct rapt_dtype {
  const char *name;
  // Elements of the last dimension that are stored together, and the bytes they take.
  int32_t block;
  int32_t bytes;
} rapt_dtype;

// Indexed by dtype; 0 is an absent tensor, whose elements take no room.
static const rapt_dtype rapt_dtypes[RAPT_DTYPES] = {
    {"absent", 1, 0}, {"f32", 1, 4}, {"bool", 1, 1}, {"f16", 1, 2},    {"bf16", 1, 2},
    {"i8", 1, 1},     {"i64", 1, 8}, {"i32", 1, 4},  {"q8_0", 32, 34}, {"q4_0", 32, 18},
};

static inline int rapt_is_dtype(int32_t dtype) { return dtype > 0 && dtype < RAPT_DTYPES; }

static inline const char *rapt_dtype_name(int32_t dtype) {
  return rapt_is_dtype(dtype) ? rapt_dtypes[dtype].name : "unknown";
}

static inline int rapt_is_blocked(int32_t dtype) { return rapt_dtypes[dtype].block > 1; }

// What the address of a tensor is a multiple of. A block's widest part is its f16 scale.
static inline int64_t rapt_alignment(int32_t dtype) {
  return rapt_is_blocked(dtype) ? (int64_t)sizeof(uint16_t) : rapt_dtypes[dtype].bytes;
}

// Bytes of `count` neighbours, which are whole blocks.
static inline int64_t rapt_row_bytes(int32_t dtype, int64_t count) {
  return count / rapt_dtypes[dtype].block * rapt_dtypes[dtype].bytes;
}

// Bytes of an element, for dtypes with block 1.
static inline int64_t rapt_element_size(int32_t dtype) { return rapt_dtypes[dtype].bytes; }

// What a plan's name says of the dtypes of two tensors.
static inline const char *rapt_storage_name(int32_t a, int32_t b) { return a == b ? rapt_dtype_name(a) : "mixed"; }

// Sets of dtypes, as bits, for operand tables.
#define RAPT_ONLY(dtype) (1u << (dtype))
#define RAPT_FLOATS (RAPT_ONLY(RAPT_F32) | RAPT_ONLY(RAPT_F16) | RAPT_ONLY(RAPT_BF16))
#define RAPT_WEIGHTS (RAPT_FLOATS | RAPT_ONLY(RAPT_I8) | RAPT_ONLY(RAPT_Q8_0) | RAPT_ONLY(RAPT_Q4_0))
#define RAPT_FLOATS_OR_I8 (RAPT_FLOATS | RAPT_ONLY(RAPT_I8))
#define RAPT_INDICES (RAPT_ONLY(RAPT_I32) | RAPT_ONLY(RAPT_I64))

#endif
