// SPDX-License-Identifier: Apache-2.0
// Random calls of any operation, drawn from its operand table: sizes, types, strides, presence, options.
#ifndef RAPT_TESTS_CALL_DRAW_H
#define RAPT_TESTS_CALL_DRAW_H

#include "call/operation.h"
#include "support/random.h"

// Where drawn calls take weights and memory from.
typedef struct draw_source {
  const rapt_linear_weights *const *weights;
  int64_t weights_count;
  unsigned char *memory;
  int64_t bytes;
} draw_source;

// The sizes and cases that the operation's rules give a struct; 0 where they refuse it. Sizes that nothing sets are
// DRAW_UNSET.
enum { DRAW_UNSET = -4321 };
int draw_sizes(const rapt_operation *operation, const void *call, rapt_sizes *sizes, uint32_t *cases);

// Fills *call, of operation->struct_size bytes. Most calls are valid and few are large; one that breaks a rule between
// its fields has no tensors. Returns whether every element of every tensor lies in the source's memory.
int draw_call(random_state *r, const rapt_operation *operation, const draw_source *from, void *call);

// Numbers the elements of the call's index tensors from 0 on: slots, for one, must not repeat. All of their elements
// lie in memory.
void draw_indices(const rapt_operation *operation, const void *call);

// The plainest call: few of every size, every tensor present, dense and apart in the source's memory, of the first
// dtype it may have. For operations without weights or rules that want more; ends the test where the memory is too
// little.
void draw_plain(const rapt_operation *operation, const draw_source *from, void *call);

#endif
