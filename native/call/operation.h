// SPDX-License-Identifier: Apache-2.0
// An operation, for everything that does not compute it: a table of its operands and a function for the rules between
// its fields. The checks (overlap and places included), the layout report and the fuzz test's inputs all come from the
// table.
#ifndef RAPT_CALL_OPERATION_H
#define RAPT_CALL_OPERATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// The largest size of a dimension. A product of sizes may overflow an int64, unless it is the number of elements of a
// written operand, each of which has an address of its own.
#define RAPT_MAX_SIZE ((int64_t)1 << 40)
#define RAPT_MAX_HEAD_DIM 1024
#define RAPT_MAX_FEATURES ((int64_t)1 << 24)

// Room for the problem of any operation and for the plan of any device, on the caller's stack.
#define RAPT_PROBLEM_ROOM 6144
#define RAPT_PLAN_ROOM 2048

// The sizes of a call, by the letter that shapes use, 'A' to 'Z'.
typedef struct rapt_sizes {
  int64_t of[26];
} rapt_sizes;

static inline int64_t *rapt_size(rapt_sizes *sizes, char letter) { return &sizes->of[letter - 'A']; }

// A size that is a field of the struct.
typedef struct rapt_dimension {
  char letter;
  const char *name;
  // Offset of an int64_t in the struct.
  int32_t offset;
  int64_t least;
  int64_t most;
} rapt_dimension;

enum { RAPT_READ = 1, RAPT_WRITE = 2 };

typedef struct rapt_operand {
  const char *name;
  // Offset of a rapt_tensor in the struct.
  int32_t offset;
  // RAPT_READ, RAPT_WRITE or both.
  int32_t access;
  // A set of dtypes.
  uint32_t dtypes;
  // A letter per dimension, outermost first.
  const char *shape;
  int32_t optional;
  // The cases in which this entry counts, as bits; 0 = in all. The rules set a call's cases. A tensor whose shape
  // depends on the case has an entry for each.
  uint32_t when;
  // Offset of the read operand that may be the same tensor as this written one; 0 = none.
  int32_t in_place;
} rapt_operand;

// Weights that a device has packed: a pointer in the struct.
typedef struct rapt_weights_operand {
  const char *name;
  int32_t offset;
  int32_t optional;
} rapt_weights_operand;

// Any other field, for the layout report.
typedef struct rapt_field {
  const char *name;
  int32_t offset;
} rapt_field;

typedef struct rapt_operation {
  // The operation's word, as in folders and plan names, and the name of its struct.
  const char *word;
  const char *struct_name;
  size_t struct_size;
  // Each table ends with an entry without a name.
  const rapt_dimension *dimensions;
  const rapt_operand *operands;
  const rapt_weights_operand *weights;
  const rapt_field *fields;
  // The rules between fields, after the sizes in the struct were checked and before any tensor is looked at. Fills in
  // defaults, the sizes that are derived, and the cases. May be NULL.
  rapt_status (*rules)(void *call, rapt_sizes *sizes, uint32_t *cases, rapt_error *error);
  // Makes the problem that devices start from. A problem begins with the checked call, which is there already; this
  // function fills in the rest. NULL where the problem is the call.
  void (*derive)(void *problem, const rapt_sizes *sizes);
} rapt_operation;

// The operation of this number, or NULL.
const rapt_operation *rapt_operation_of(int32_t number);

#ifdef __cplusplus
}
#endif

#endif
