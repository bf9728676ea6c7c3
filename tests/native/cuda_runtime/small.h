// SPDX-License-Identifier: Apache-2.0
// Small valid calls of every operation on a device, for tests to break one place of.
#ifndef RAPT_TESTS_CUDA_RUNTIME_SMALL_H
#define RAPT_TESTS_CUDA_RUNTIME_SMALL_H

#include <rapt/rapt.h>

enum { SMALL_HEADS = 2, SMALL_QUERIES = 3, SMALL_DIM = 8, SMALL_WIDTH = SMALL_HEADS * SMALL_DIM };

typedef struct small_calls {
  rapt_context *context;
  // Device memory: kv_len x SMALL_WIDTH floats of pseudo-random numbers, and as much to write to.
  float *input, *output;
  int64_t kv_len;
  rapt_linear_weights *square;
  rapt_sdpa attention;
  rapt_linear linear;
  rapt_mha mha;
  rapt_rope rope;
} small_calls;

// Fills *s; ends the test where that fails. kv_len from SMALL_QUERIES on.
void small_open(small_calls *s, rapt_context *context, int64_t kv_len);
void small_close(small_calls *s);

// The attention's output, SMALL_QUERIES * SMALL_WIDTH floats, copied back.
void small_result(const small_calls *s, float *to);

#endif
