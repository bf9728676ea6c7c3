// SPDX-License-Identifier: Apache-2.0
// Small valid calls for the tests of the C ABI to break in one place at a time.
#ifndef RAPT_TESTS_CALL_ABI_FIXTURE_H
#define RAPT_TESTS_CALL_ABI_FIXTURE_H

#include <rapt/rapt.h>
#include <stdint.h>

enum {
  FIXTURE_BATCH = 2,
  FIXTURE_HEADS = 4,
  FIXTURE_KV_HEADS = 2,
  FIXTURE_Q_LEN = 3,
  FIXTURE_KV_LEN = 5,
  FIXTURE_DIM = 4,
  FIXTURE_TABLE = 7,
  FIXTURE_EMBED = FIXTURE_HEADS * FIXTURE_DIM,
  FIXTURE_KV_WIDTH = FIXTURE_KV_HEADS * FIXTURE_DIM,
  FIXTURE_ROWS = FIXTURE_BATCH * FIXTURE_Q_LEN,
  FIXTURE_SCORES = FIXTURE_BATCH * FIXTURE_HEADS * FIXTURE_Q_LEN * FIXTURE_KV_LEN
};

// A context, memory for every tensor, and valid calls on them with all optional tensors present.
typedef struct fixture {
  rapt_context *context;
  float query[FIXTURE_ROWS * FIXTURE_EMBED];
  float key[FIXTURE_BATCH * FIXTURE_KV_LEN * FIXTURE_EMBED];
  float value[FIXTURE_BATCH * FIXTURE_KV_LEN * FIXTURE_EMBED];
  float output[FIXTURE_ROWS * FIXTURE_EMBED];
  unsigned char mask[FIXTURE_SCORES];
  float bias[FIXTURE_SCORES];
  float slopes[FIXTURE_BATCH * FIXTURE_HEADS];
  float sinks[FIXTURE_BATCH * FIXTURE_HEADS];
  float lse[FIXTURE_BATCH * FIXTURE_HEADS * FIXTURE_Q_LEN];
  float weights[FIXTURE_SCORES];
  unsigned char padding[FIXTURE_BATCH * FIXTURE_KV_LEN];
  float weight[FIXTURE_EMBED * FIXTURE_EMBED];
  float weight_bias[FIXTURE_EMBED];
  // (EMBED, EMBED), (EMBED, KV_WIDTH) and (KV_WIDTH, EMBED), as (in, out).
  rapt_linear_weights *square, *narrow, *odd;
  rapt_sdpa attention;
  rapt_linear_parameters linear_weights;
  rapt_linear linear;
  rapt_mha mha;
  float rope_in[FIXTURE_ROWS * FIXTURE_EMBED];
  float rope_out[FIXTURE_ROWS * FIXTURE_EMBED];
  float cosine[FIXTURE_TABLE * FIXTURE_DIM / 2];
  float sine[FIXTURE_TABLE * FIXTURE_DIM / 2];
  int64_t positions[FIXTURE_ROWS];
  int32_t positions32[FIXTURE_ROWS];
  rapt_rope rope;
  // A page for each sample, and one more.
  float key_cache[(FIXTURE_BATCH + 1) * FIXTURE_Q_LEN * FIXTURE_KV_WIDTH];
  float value_cache[(FIXTURE_BATCH + 1) * FIXTURE_Q_LEN * FIXTURE_KV_WIDTH];
  int64_t slots[FIXTURE_ROWS];
  rapt_append append;
  float bias_key[FIXTURE_KV_WIDTH];
  float bias_value[FIXTURE_KV_WIDTH];
  // One key more than attention's: bias_key is appended.
  float mha_weights[FIXTURE_SCORES / FIXTURE_KV_LEN * (FIXTURE_KV_LEN + 1)];
} fixture;

// Fills *f; ends the test where the valid calls cannot be set up.
void fixture_open(fixture *f);

// Sets the calls (not the memory) back to valid.
void fixture_reset(fixture *f);

// The valid call of an operation, by its number; NULL where the fixture has none.
const void *fixture_call(const fixture *f, int32_t operation);

void fixture_close(fixture *f);

// A tensor with contiguous strides of these sizes (unused ones 1).
rapt_tensor fixture_tensor(void *data, int32_t dtype, int64_t a, int64_t b, int64_t c, int64_t d);

#endif
