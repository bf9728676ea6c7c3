// SPDX-License-Identifier: Apache-2.0
// What an operation is, for everything that does not compute it: a table of its operands and a function for the rules
// between its fields. Checks, overlap, places, the layout report and the fuzz test's inputs all come from the table.
#ifndef RAPT_CALL_OPERATION_H
#define RAPT_CALL_OPERATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// The largest dimension of any tensor. Products of sizes may overflow, unless a written operand has as many elements:
// those have addresses of their own.
#define RAPT_MAX_SIZE ((int64_t)1 << 40)
#define RAPT_MAX_HEAD_DIM 1024
#define RAPT_MAX_FEATURES ((int64_t)1 << 24)

// Room for the problem of any operation and for the plan of any device, on the caller's stack.
#define RAPT_PROBLEM_ROOM 6144
#define RAPT_PLAN_ROOM 2048

// The sizes that shapes speak of, by letter, 'A' to 'Z'.
typedef struct rapt_sizes {
  int64_t of[26];
} rapt_sizes;

static inline int64_t *rapt_size(rapt_sizes *sizes, char letter) { return &sizes->of[letter - 'A']; }

// A size that stands in the struct.
typedef struct rapt_dimension {
  char letter;
  const char *name;
  // Of an int64_t in the struct.
  int32_t offset;
  int64_t least;
  int64_t most;
} rapt_dimension;

enum { RAPT_READ = 1, RAPT_WRITE = 2 };

typedef struct rapt_operand {
  const char *name;
  // Of a rapt_tensor in the struct.
  int32_t offset;
  // RAPT_READ, RAPT_WRITE or both.
  int32_t access;
  // A set of dtypes.
  uint32_t dtypes;
  // A letter per dimension, outermost first.
  const char *shape;
  int32_t optional;
  // The cases, of those the rules find, in which this entry counts; 0 = in all. A tensor whose shape depends on the
  // case has an entry for each.
  uint32_t when;
  // Of the read operand that this written one may be itself; 0 = none.
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
  // What it is called everywhere, and its struct's name.
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
  // From a checked call to the problem that devices start from. A problem begins with the call, which is in place
  // already; this fills in the rest. NULL where the problem is the call.
  void (*derive)(void *problem, const rapt_sizes *sizes);
} rapt_operation;

// The operations by number; NULL for a number that is none.
const rapt_operation *rapt_operation_of(int32_t number);

#ifdef __cplusplus
}
#endif

#endif
