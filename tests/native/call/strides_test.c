// SPDX-License-Identifier: Apache-2.0
// The stride of a dimension of size 1 is never used: drawn calls of every operation, with the greatest numbers in its
// place, are accepted and give the same bits. Callers leave anything there.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "call/draw.h"
#include "support/check.h"

static fixture f;

static _Alignas(64) unsigned char call[RAPT_PROBLEM_ROOM];
static unsigned char before[1 << 18], memory[1 << 18], expected[1 << 18];
static int64_t compared[RAPT_OPERATIONS];

// Numbers between 0.01 and 2 in every floating-point type, or zeros, which are positions for rope.
static void fill(random_state *r) {
  int zeros = random_percent(r, 30);
  for (size_t i = 0; i < sizeof before; i += 2) {
    uint16_t word = zeros ? 0 : (uint16_t)(0x3c00 | (random_next(r) & 0x3ff));
    memcpy(before + i, &word, sizeof word);
  }
}

// Whether there was a stride to change.
static int change_strides(random_state *r, const rapt_operation *operation) {
  static const int64_t strides[] = {INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_C(1) << 62, -7};
  rapt_sizes sizes;
  uint32_t cases;
  int changed = 0;
  draw_sizes(operation, call, &sizes, &cases);
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    rapt_tensor *t = (rapt_tensor *)(void *)(call + o->offset);
    int counts = t->dtype != 0 && (o->when == 0 || (o->when & cases) != 0);
    for (int d = 0; counts && o->shape[d] != 0; d++) {
      if (sizes.of[o->shape[d] - 'A'] != 1) continue;
      t->stride[d] = strides[random_between(r, 0, 4)];
      changed = 1;
    }
  }
  return changed;
}

static rapt_status run(int32_t number, int numbered, rapt_error *error) {
  memcpy(memory, before, sizeof memory);
  if (numbered) draw_indices(rapt_operation_of(number), call);
  return rapt_run_call(f.context, number, call, error);
}

static void compare(random_state *r, int32_t number) {
  const rapt_linear_weights *const weights[] = {f.square, f.narrow, f.odd};
  const draw_source from = {.weights = weights, .weights_count = 3, .memory = memory, .bytes = sizeof memory};
  const rapt_operation *operation = rapt_operation_of(number);
  rapt_error error = {.struct_size = sizeof error};
  if (!draw_call(r, operation, &from, call)) return;
  fill(r);
  int numbered = random_percent(r, 50);
  if (run(number, numbered, &error) != RAPT_OK) return;
  memcpy(expected, memory, sizeof memory);
  if (!change_strides(r, operation)) return;
  rapt_status status = run(number, numbered, &error);
  CHECK(status == RAPT_OK, "%s: refused with other strides: %s", operation->word, error.message);
  CHECK(!memcmp(memory, expected, sizeof memory), "%s: other bits with other strides", operation->word);
  compared[number]++;
}

// strides_test [FIRST_ROUND [ROUNDS]]: each round is its own seed.
int main(int argc, char **argv) {
  check_start();
  fixture_open(&f);
  int64_t first = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
  int64_t rounds = argc > 2 ? strtoll(argv[2], NULL, 10) : TEST_REDUCED ? 1000 : 5000;
  for (int64_t round = first; round < first + rounds; round++) {
    check_set_case("strides_test %lld 1", (long long)round);
    random_state r = {(uint64_t)round};
    for (int32_t number = 0; number < RAPT_OPERATIONS; number++) compare(&r, number);
  }
  for (int32_t n = 0; n < RAPT_OPERATIONS; n++) {
    printf("%s: %lld calls compared\n", rapt_operation_of(n)->word, (long long)compared[n]);
    CHECK(rounds < 1000 || compared[n] > rounds / 50, "%s: few calls have a size of 1", rapt_operation_of(n)->word);
  }
  fixture_close(&f);
  return check_finish("strides_test");
}
