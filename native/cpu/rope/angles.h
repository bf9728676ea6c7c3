// SPDX-License-Identifier: Apache-2.0
// Cosines and sines of tokens, by token or by position.
#ifndef RAPT_CPU_ROPE_ANGLES_H
#define RAPT_CPU_ROPE_ANGLES_H

#include <stddef.h>

#include "base/arithmetic.h"
#include "cpu/engine/rows.h"

typedef struct rapt_angles {
  const rapt_kernels *kernels;
  // NULL where cosine and sine have a row for each token.
  const rapt_tensor *positions;
  int64_t table_length;
  int64_t pairs;
} rapt_angles;

// The row of cosine or sine that belongs to token (b, s), in place or as a copy in staging. A position that another
// thread has changed since it was checked names some row, and never memory outside the table.
static inline const float *rapt_angles_read(const rapt_angles *a, const rapt_tensor *t, int64_t b, int64_t s,
                                            float *staging) {
  const void *row;
  if (a->positions == NULL) {
    row = rapt_row(t, b, s, 0);
  } else {
    row = rapt_row(t, rapt_clamp(rapt_index_at(a->positions, b, s), 0, a->table_length - 1), 0, 0);
  }
  // The last dimension they have.
  int64_t stride = t->stride[a->positions == NULL ? 2 : 1];
  return rapt_read_row(a->kernels, t->dtype, row, stride, a->pairs, staging);
}

// Checks positions (batch, length), which may be absent.
rapt_status rapt_angles_check(const rapt_tensor *positions, int64_t batch, int64_t length, int64_t table_length,
                              rapt_error *error);

#endif
