// SPDX-License-Identifier: Apache-2.0
// One attention problem in numbers, its tensors, and the run of a kernel against the definition in double.
#ifndef RAPT_TESTS_CUDA_SDPA_CASE_H
#define RAPT_TESTS_CUDA_SDPA_CASE_H

#include <string>

#include "check.h"
#include "ops/sdpa/problem.h"
#include "tensors.h"

struct sdpa_case {
  int64_t batch = 1, heads = 1, kv_heads = 1, query_len = 1, kv_len = 1, head_dim = 1, value_dim = 1;
  int32_t query = RAPT_F32, key = RAPT_F32, value = RAPT_F32, output = RAPT_F32, bias_type = RAPT_F32;
  int causal = 0;
  int64_t position = 0;
  // One for each sample, from `position` on: 1 in i32, 2 in i64.
  int positions = 0;
  int window = 0;
  int64_t window_left = -1, window_right = -1;
  // 0 = the default one.
  float scale = 0;
  float softcap = 0;
  // Of an i8 key or value: scales per row, and a bit per dimension in which they are broadcast.
  int64_t key_groups = 0, value_groups = 0;
  int scales_shared = 0;
  // -1 = absent, else a bit per dimension in which the tensor is broadcast.
  int mask = -1, bias = -1;
  int alibi = 0, sinks = 0, lse = 1;
  // -1 = absent, else the stage.
  int weights = -1;
  int32_t weights_type = RAPT_F32;
  int64_t appended = 0, first_query = 0;
  int padding = 0;
  // 0 BHSD, 1 BSHD, 2 rows with odd gaps, 3 the head dim outermost (last stride not 1), 4 HBSD with aligned gaps.
  int layout = 0;
  // Keys and values that no row of their kv head sees are NaN.
  int poison = 0;
  // Multiplies the queries: large ones make one-hot rows.
  float spread = 1;
  // Queries and keys, or values, from [0.5, 1): sums of one sign, which tensor cores that cut off make too small.
  bool one_sided_scores = false, one_sided_values = false;
  uint64_t seed = 1;
  // Tiles of keys in a split, and samples of a launch; 0 = as planned. And the most splits of a tile of rows; 0 = as
  // many as all keys have.
  int64_t split_tiles = 0, samples = 0, splits = 0;
  // "simt" or "mma", and "prefill" or "decode"; NULL = the best.
  const char *family = nullptr;
  const char *path = nullptr;
};

struct sdpa_tensors {
  tensor query, key, value, output, mask, bias, alibi, sinks, lse, weights, padding, key_scale, value_scale, positions;
};

std::string describe(const sdpa_case &c);

// Places and fills the tensors and describes them as a problem.
void build(const sdpa_case &c, sdpa_tensors *t, rapt_sdpa_problem *problem);

// The position of a sample's query 0.
int64_t position_of(const sdpa_tensors &t, const rapt_sdpa_problem &p, int64_t batch);

// Whether row (head, query) sees a key, before what its score comes out as.
bool visible(const sdpa_tensors &t, const rapt_sdpa_problem &p, int64_t batch, int64_t head, int64_t query, int64_t j);

// Builds, plans and launches the case on the host, and compares output, LSE and weights.
void run_case(const sdpa_case &c);

#endif
