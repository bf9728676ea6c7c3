// SPDX-License-Identifier: Apache-2.0
// Decode's two ways of reading K and V: the same bits from both, on every tier, and the choice between them.
#include "cpu/engine/reading.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"

enum { MOST_DEPTH = 304, MOST_KEYS = 130, SCORES = MOST_KEYS + 7, THREADS = 4 };

static const int64_t depths[] = {1, 16, 31, 64, 80, 96, 112, 127, 128, 144, 192, 256, 300};
static const int64_t row_counts[] = {1, 2, 3, 4, 5, 8, 9, 16};
static const int64_t key_counts[] = {1, 2, 3, 4, 7, 8, 11, 37, 128, 129};
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { F32, F16, BF16, I8, PAIRS, KINDS };
static const char *const kind_names[] = {"f32", "f16", "bf16", "i8", "pairs of bf16"};
static const size_t sizes[] = {4, 2, 2, 1, 2};

static rapt_dots *dots_of(const rapt_decode_kernels *k, int kind) {
  rapt_dots *dots[] = {k->dots_f32, k->dots_f16, k->dots_bf16, k->dots_i8, k->dots_pairs};
  return dots[kind];
}

static rapt_gather *gather_of(const rapt_decode_kernels *k, int kind) {
  rapt_gather *gather[] = {k->gather_f32, k->gather_f16, k->gather_bf16, k->gather_i8, NULL};
  return gather[kind];
}

// Fills rows with numbers of the kind, finite ones.
static void fill(random_state *random, int kind, int64_t count, void *to) {
  for (int64_t i = 0; i < count; i++) {
    float x = random_unit(random);
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (kind == F32) ((float *)to)[i] = x;
    // Any f16 whose exponent is not that of infinities.
    if (kind == F16) ((uint16_t *)to)[i] = (uint16_t)(random_next(random) & 0xbbff);
    if (kind == BF16 || kind == PAIRS) ((uint16_t *)to)[i] = (uint16_t)(bits >> 16);
    if (kind == I8) ((int8_t *)to)[i] = (int8_t)random_between(random, -127, 127);
  }
}

typedef struct shape {
  int kind;
  int64_t rows;
  int64_t keys;
  int64_t depth;
  // Elements from one row of K or V to the next.
  int64_t stride;
} shape;

static float queries[RAPT_DECODE_WIDTH * MOST_DEPTH], weights[RAPT_DECODE_WIDTH * SCORES];
static float scores[RAPT_READINGS][RAPT_DECODE_WIDTH * SCORES];
static float start[RAPT_DECODE_WIDTH * MOST_DEPTH], output[RAPT_READINGS][RAPT_DECODE_WIDTH * MOST_DEPTH];

static void check_dots(const rapt_kernels *kernels, const shape *s, const void *rows) {
  for (int r = 0; r < RAPT_READINGS; r++) {
    memset(scores[r], CANARY, sizeof scores[r]);
    dots_of(&kernels->decode[r], s->kind)(s->rows, queries, MOST_DEPTH, s->keys, rows, s->stride, s->depth, scores[r],
                                          SCORES);
  }
  CHECK(!memcmp(scores[0], scores[1], sizeof scores[0]), "products with keys have other bits");
}

static void check_gather(const rapt_kernels *kernels, const shape *s, const void *rows, int guarded) {
  for (int r = 0; r < RAPT_READINGS; r++) {
    memcpy(output[r], start, sizeof start);
    gather_of(&kernels->decode[r], s->kind)(s->rows, weights, SCORES, s->keys, rows, s->stride, s->depth, weights + 3,
                                            output[r], MOST_DEPTH, guarded);
  }
  CHECK(!memcmp(output[0], output[1], sizeof output[0]), "products with values have other bits, guarded %d", guarded);
}

static void check_shape(const rapt_kernels *kernels, const shape *s, random_state *random, guard_buffer *buffer) {
  int64_t count = (s->keys - 1) * s->stride + s->depth;
  void *rows = guard_place(buffer, (size_t)count * sizes[s->kind], GUARD_END);
  fill(random, s->kind, count, rows);
  check_set_case("reading_test: tier %d, %s, %lld rows, %lld keys %lld apart, depth %lld", (int)kernels->isa,
                 kind_names[s->kind], (long long)s->rows, (long long)s->keys, (long long)s->stride,
                 (long long)s->depth);
  if (dots_of(&kernels->decode[0], s->kind) != NULL) check_dots(kernels, s, rows);
  for (int guarded = 0; guarded <= 1 && s->kind != PAIRS; guarded++) check_gather(kernels, s, rows, guarded);
}

static void check_tier(int32_t isa) {
  rapt_kernels kernels;
  CHECK(rapt_kernels_fill(isa, &kernels), "no kernels of tier %d", isa);
  random_state random = {(uint64_t)isa};
  guard_buffer buffer = {0};
  for (int64_t i = 0; i < RAPT_DECODE_WIDTH * MOST_DEPTH; i++) {
    queries[i] = random_unit(&random);
    start[i] = random_unit(&random);
  }
  for (int64_t i = 0; i < RAPT_DECODE_WIDTH * SCORES; i++) {
    weights[i] = random_percent(&random, 10) ? 0 : random_unit(&random);
  }
  int64_t every = test_sweep(1, 1, 3), number = 0;
  for (size_t d = 0; d < COUNT(depths); d++) {
    for (size_t r = 0; r < COUNT(row_counts); r++) {
      for (size_t k = 0; k < COUNT(key_counts); k++) {
        for (int kind = 0; kind < KINDS; kind++) {
          if (number++ % every != 0) continue;
          shape s = {.kind = kind, .rows = row_counts[r], .keys = key_counts[k], .depth = depths[d]};
          s.stride = s.depth + number % 2 * 5;
          check_shape(&kernels, &s, &random, &buffer);
        }
      }
    }
  }
  guard_free(&buffer);
}

static void *ask(void *kernels) {
  static rapt_readings found[THREADS];
  static int next;
  rapt_readings *of = &found[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)];
  *of = rapt_readings_here(kernels);
  return of;
}

// All threads get one answer, whoever tries the ways.
static void check_choice(int32_t isa) {
  rapt_kernels kernels;
  pthread_t threads[THREADS];
  void *found[THREADS];
  CHECK(rapt_kernels_fill(isa, &kernels), "no kernels of tier %d", isa);
  for (int i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, ask, &kernels)) check_abort("no thread %d", i);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], &found[i]);
  rapt_readings again = rapt_readings_here(&kernels);
  for (int i = 0; i < THREADS; i++) {
    const rapt_readings *one = found[i];
    CHECK(one->keys == again.keys && one->values == again.values, "thread %d: %d and %d, later %d and %d", i, one->keys,
          one->values, again.keys, again.values);
  }
  CHECK(again.keys < RAPT_READINGS && again.values < RAPT_READINGS, "ways %d and %d", again.keys, again.values);
  printf("tier %d reads keys by %s, values by %s\n", isa, rapt_reading_name(again.keys),
         rapt_reading_name(again.values));
}

static void check_environment(void) {
  static const struct {
    const char *text;
    rapt_reading expected;
  } cases[] = {{"", RAPT_READINGS},
               {"auto", RAPT_READINGS},
               {"prefetch", RAPT_READING_PREFETCH},
               {"streams", RAPT_READING_STREAMS}};
  rapt_reading got;
  rapt_error error = {.struct_size = sizeof error};
  for (size_t i = 0; i < COUNT(cases); i++) {
    setenv("RAPT_READING", cases[i].text, 1);
    CHECK(rapt_reading_from_environment(&got, &error) == RAPT_OK && got == cases[i].expected, "'%s' is %d",
          cases[i].text, got);
  }
  setenv("RAPT_READING", "stream", 1);
  rapt_context_options options = {.struct_size = sizeof options, .threads = 1};
  rapt_context *context = NULL;
  CHECK(rapt_context_create(&options, &context, &error) == RAPT_INVALID_ARGUMENT && context == NULL,
        "a context whose way is 'stream'");
  CHECK(strstr(error.message, "RAPT_READING is \"stream\"") != NULL, "the message is '%s'", error.message);
  unsetenv("RAPT_READING");
}

int main(void) {
  check_start();
  int32_t tiers[MAX_TIERS];
  int count = usable_tiers(tiers);
  check_choice(tiers[count - 1]);
  for (int t = 0; t < count; t++) check_tier(tiers[t]);
  check_environment();
  return check_finish("reading_test");
}
