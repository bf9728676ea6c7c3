// SPDX-License-Identifier: Apache-2.0
// Decode's dot products with a key of each quarter at once: the bits of neighbouring keys that fill a block, for every
// number of rows, wherever the keys lie. Keys end at guard pages, and no other score is written.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "call/operation.h"
#include "cpu/kernels/kernels.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"

enum { MOST_DEPTH = RAPT_MAX_HEAD_DIM, MOST_KEYS = 5, APART = MOST_KEYS + 2, SCORES = RAPT_QUARTERS * APART };

static const int64_t depths[] = {1, 7, 8, 9, 31, 32, 33, 64, 80, 127, 128, 255, 256, 257, RAPT_MAX_HEAD_DIM};
static const int64_t row_counts[] = {1, 2, 3, 4, 7, 8, 16};
static const int64_t key_counts[] = {1, 2, MOST_KEYS};
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { F32, F16, BF16, I8, KINDS };
static const size_t sizes[] = {4, 2, 2, 1};

typedef struct shape {
  int kind;
  int64_t rows;
  int64_t keys;
  int64_t depth;
} shape;

static float queries[RAPT_DECODE_WIDTH * MOST_DEPTH];
static float scores[RAPT_DECODE_WIDTH * SCORES], expected[RAPT_DECODE_WIDTH * SCORES];
static char block[RAPT_QUARTERS * MOST_DEPTH * sizeof(float)];

// A number between -1 and 1, whose sums round, at element i.
static void put(int kind, void *to, int64_t i, random_state *random) {
  float number = random_unit(random);
  uint32_t bits;
  memcpy(&bits, &number, sizeof bits);
  if (kind == F32) ((float *)to)[i] = number;
  if (kind == F16) ((uint16_t *)to)[i] = (uint16_t)(0x3800 | random_between(random, 0, 1) << 15 | (bits & 0x3ff));
  if (kind == BF16) ((uint16_t *)to)[i] = (uint16_t)(bits >> 16);
  if (kind == I8) ((int8_t *)to)[i] = (int8_t)random_between(random, -127, 127);
}

// What the kernel for neighbouring keys gives for key k of the quarters.
static void expect(const rapt_kernels *kernels, const shape *s, const rapt_key_quarters *q, int64_t k) {
  const rapt_decode_kernels *of = &kernels->decode[RAPT_READING_PREFETCH];
  rapt_dots *dots[] = {of->dots_f32, of->dots_f16, of->dots_bf16, of->dots_i8};
  float four[RAPT_DECODE_WIDTH * RAPT_QUARTERS];
  size_t bytes = (size_t)s->depth * sizes[s->kind];
  for (int i = 0; i < RAPT_QUARTERS; i++) {
    memcpy(block + (size_t)i * bytes, (const char *)q->keys[i] + k * q->key_step[i], bytes);
  }
  dots[s->kind](s->rows, queries, MOST_DEPTH, RAPT_QUARTERS, block, s->depth, s->depth, four, RAPT_QUARTERS);
  for (int64_t r = 0; r < s->rows; r++) {
    for (int i = 0; i < RAPT_QUARTERS; i++) expected[r * SCORES + i * APART + k] = four[r * RAPT_QUARTERS + i];
  }
}

static void check_shape(const rapt_kernels *kernels, const shape *s, random_state *random, guard_buffer *buffers) {
  const rapt_quarter_kernels *of = &kernels->quarters;
  rapt_dots_quarters *dots[] = {of->dots_f32, of->dots_f16, of->dots_bf16, of->dots_i8};
  rapt_key_quarters q = {.rows = s->rows,
                         .queries = queries,
                         .query_stride = MOST_DEPTH,
                         .count = s->keys,
                         .depth = s->depth,
                         .scores = scores,
                         .score_stride = SCORES,
                         .apart = APART};
  check_set_case("key_quarters_test: tier %d, kind %d, %lld rows, 4 x %lld keys, depth %lld", (int)kernels->isa,
                 s->kind, (long long)s->rows, (long long)s->keys, (long long)s->depth);
  for (int i = 0; i < RAPT_QUARTERS; i++) {
    int64_t stride = s->depth + i * 3, count = (s->keys - 1) * stride + s->depth;
    void *keys = guard_place(&buffers[i], (size_t)count * sizes[s->kind], GUARD_END);
    for (int64_t e = 0; e < count; e++) put(s->kind, keys, e, random);
    q.keys[i] = keys;
    q.key_step[i] = stride * (int64_t)sizes[s->kind];
  }
  memset(scores, 0x7f, sizeof scores);
  memset(expected, 0x7f, sizeof expected);
  for (int64_t k = 0; k < s->keys; k++) expect(kernels, s, &q, k);
  dots[s->kind](&q);
  CHECK(!memcmp(scores, expected, sizeof scores), "other bits than those of neighbouring keys");
}

static void check_tier(int32_t isa) {
  rapt_kernels kernels;
  CHECK(rapt_kernels_fill(isa, &kernels), "no kernels of tier %d", isa);
  if (kernels.quarters.dots_f32 == NULL) {
    printf("tier %d multiplies neighbouring keys\n", isa);
    return;
  }
  random_state random = {(uint64_t)isa};
  guard_buffer buffers[RAPT_QUARTERS] = {0};
  int64_t every = test_sweep(1, 1, 3), number = 0;
  for (size_t i = 0; i < COUNT(queries); i++) queries[i] = random_unit(&random);
  for (size_t d = 0; d < COUNT(depths); d++) {
    for (size_t r = 0; r < COUNT(row_counts); r++) {
      for (size_t k = 0; k < COUNT(key_counts); k++) {
        for (int kind = 0; kind < KINDS; kind++) {
          if (number++ % every != 0) continue;
          shape s = {.kind = kind, .rows = row_counts[r], .keys = key_counts[k], .depth = depths[d]};
          check_shape(&kernels, &s, &random, buffers);
        }
      }
    }
  }
  for (int i = 0; i < RAPT_QUARTERS; i++) guard_free(&buffers[i]);
}

int main(void) {
  check_start();
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  for (int t = 0; t < count; t++) check_tier(tiers[t]);
  return check_finish("key_quarters_test");
}
