// SPDX-License-Identifier: Apache-2.0
// Calls of every operation, drawn from its operand table: whatever a plan says of them, it says without a crash, the
// same with and without addresses, and what it refuses, run refuses as well; what it accepts is run where its memory is
// there. Then the same with random fields overwritten by nasty numbers; what is accepted of those is not run, for its
// strides may name memory that is not there.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "call/draw.h"
#include "support/check.h"

static fixture f;

static const int64_t nasty[] = {0,
                                1,
                                -1,
                                2,
                                3,
                                7,
                                64,
                                1024,
                                1025,
                                -1024,
                                INT64_C(1) << 31,
                                INT64_C(1) << 32,
                                (INT64_C(1) << 32) + 1,
                                INT64_C(1) << 62,
                                INT64_MAX,
                                INT64_MIN,
                                INT64_MAX - 1,
                                INT64_MAX / 4,
                                INT64_MIN / 4,
                                0x7fc00000,
                                0x7f800000};
enum { NASTY_COUNT = sizeof nasty / sizeof nasty[0] };

// Behind a call there are zeros, for a struct_size that claims more than the struct.
static _Alignas(64) unsigned char call[1 << 16];
static unsigned char memory[1 << 18];
static int64_t accepted[RAPT_OPERATIONS], ran[RAPT_OPERATIONS];

// A handle that is no handle cannot be told from a good one.
static void keep_weights(const rapt_operation *operation) {
  for (const rapt_weights_operand *w = operation->weights; w != NULL && w->name != NULL; w++) {
    const rapt_linear_weights *weights;
    memcpy(&weights, call + w->offset, sizeof weights);
    if (weights != NULL && weights != f.square && weights != f.narrow && weights != f.odd) {
      memcpy(call + w->offset, &f.square, sizeof weights);
    }
  }
}

// Overwrites 1 to 4 words (4 or 8 bytes) past struct_size, and now and then struct_size itself.
static void mutate(random_state *r, const rapt_operation *operation) {
  int64_t count = random_between(r, 1, 4), size = (int64_t)operation->struct_size;
  for (int64_t n = 0; n < count; n++) {
    int64_t width = random_percent(r, 60) ? 8 : 4, first = random_percent(r, 3) ? 0 : 8;
    int64_t at = first + width * random_between(r, 0, (size - first) / width - 1);
    uint64_t value = random_percent(r, 80) ? (uint64_t)nasty[random_between(r, 0, NASTY_COUNT - 1)] : random_next(r);
    memcpy(call + at, &value, (size_t)width);
  }
  keep_weights(operation);
}

static void check_answer(const char *what, rapt_status status, const rapt_error *error) {
  CHECK(status >= RAPT_OK && status <= RAPT_DEVICE_FAILURE, "%s: status %d", what, status);
  CHECK(error->status == status && memchr(error->message, 0, sizeof error->message) != NULL &&
            (status == RAPT_OK || error->message[0]),
        "%s: status %d, in the error %d '%.60s'", what, status, error->status, error->message);
}

// Whether the plan accepts the call.
static int plan_call(int32_t number, rapt_plan *plan) {
  rapt_error error = {.struct_size = sizeof error};
  *plan = (rapt_plan){.struct_size = sizeof *plan};
  rapt_status status = rapt_plan_call(f.context, number, call, plan, &error);
  check_answer("plan", status, &error);
  return status == RAPT_OK && plan->supported;
}

static void check_refused(int32_t number) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_status status = rapt_run_call(f.context, number, call, &error);
  check_answer("run", status, &error);
  CHECK(status != RAPT_OK, "run accepts what plan refuses");
}

// All tensors of a drawn call are aligned as their elements are, or better, which a plan may not see.
static void check_without_addresses(int32_t number, const rapt_operation *operation, const rapt_plan *with) {
  rapt_plan without;
  _Alignas(64) unsigned char kept[RAPT_PROBLEM_ROOM];
  memcpy(kept, call, operation->struct_size);
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    ((rapt_tensor *)(void *)(call + o->offset))->data = NULL;
  }
  CHECK(plan_call(number, &without), "refused without addresses");
  CHECK(!strcmp(with->name, without.name) && with->scratch_size == without.scratch_size &&
            with->threads == without.threads && with->isa == without.isa,
        "with addresses %s, %lld bytes, %d threads; without %s, %lld bytes, %d threads", with->name,
        (long long)with->scratch_size, with->threads, without.name, (long long)without.scratch_size, without.threads);
  memcpy(call, kept, operation->struct_size);
}

static void fuzz(random_state *r, int32_t number) {
  const rapt_linear_weights *const weights[] = {f.square, f.narrow, f.odd};
  const draw_source from = {.weights = weights, .weights_count = 3, .memory = memory, .bytes = sizeof memory};
  const rapt_operation *operation = rapt_operation_of(number);
  rapt_plan plan;
  int here = draw_call(r, operation, &from, call);
  if (plan_call(number, &plan)) {
    accepted[number]++;
    check_without_addresses(number, operation, &plan);
    if (here) {
      if (random_percent(r, 80)) draw_indices(operation, call);
      rapt_error error = {.struct_size = sizeof error};
      rapt_status status = rapt_run_call(f.context, number, call, &error);
      check_answer("run", status, &error);
      // Values, such as positions, are seen by run alone.
      CHECK(status == RAPT_OK || status == RAPT_INVALID_ARGUMENT, "run: %s", error.message);
      ran[number] += status == RAPT_OK;
    }
  } else {
    check_refused(number);
  }
  mutate(r, operation);
  if (!plan_call(number, &plan)) check_refused(number);
  memset(call, 0, operation->struct_size);
}

// abi_fuzz_test [FIRST_ROUND [ROUNDS]]: each round is its own seed, so a crash is replayed by its number.
int main(int argc, char **argv) {
  check_start();
  fixture_open(&f);
  int64_t first = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
  int64_t rounds = argc > 2 ? strtoll(argv[2], NULL, 10) : TEST_REDUCED ? 20000 : 200000;
  for (int64_t round = first; round < first + rounds; round++) {
    check_set_case("abi_fuzz_test %lld 1", (long long)round);
    random_state r = {(uint64_t)round};
    // Positions that rope may be given, and numbers that are none as f32.
    memset(memory, round % 3 ? 0 : 0xff, sizeof memory);
    for (int32_t number = 0; number < RAPT_OPERATIONS; number++) fuzz(&r, number);
  }
  for (int32_t n = 0; n < RAPT_OPERATIONS; n++) {
    const char *word = rapt_operation_of(n)->word;
    printf("%s: %lld of %lld drawn calls accepted, %lld run\n", word, (long long)accepted[n], (long long)rounds,
           (long long)ran[n]);
    CHECK(rounds < 1000 || (accepted[n] > rounds / 8 && ran[n] > rounds / 10), "%s: few drawn calls are valid", word);
  }
  fixture_close(&f);
  return check_finish("abi_fuzz_test");
}
