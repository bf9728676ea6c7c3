/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Valid calls with random fields overwritten by nasty numbers. plan reads no data, so whatever it says, it must
 * say it without a crash; what it refuses, run must refuse as well. What it accepts is not run: its strides may
 * name memory that is not there.
 */
#include <stdlib.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "support/check.h"
#include "support/random.h"

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

/* Overwrites 1 to 4 words (4 or 8 bytes) past struct_size, and now and then struct_size itself. */
static void mutate(random_state *r, void *call, size_t size) {
  int64_t count = random_between(r, 1, 4);
  for (int64_t n = 0; n < count; n++) {
    int wide = random_percent(r, 60);
    size_t width = wide ? 8 : 4;
    size_t first = random_percent(r, 3) ? 0 : 8;
    size_t at = first + width * (size_t)random_between(r, 0, (int64_t)((size - first) / width) - 1);
    uint64_t value = random_percent(r, 80) ? (uint64_t)nasty[random_between(r, 0, NASTY_COUNT - 1)] : random_next(r);
    memcpy((unsigned char *)call + at, &value, width);
  }
}

static void check_answer(const char *what, int64_t round, rapt_status status, const rapt_error *error) {
  CHECK(status >= RAPT_OK && status <= RAPT_DEVICE_FAILURE, "%s, round %lld: status %d", what, (long long)round,
        status);
  CHECK(error->status == status && memchr(error->message, 0, sizeof error->message) &&
            (status == RAPT_OK || error->message[0]),
        "%s, round %lld: status %d, in the error %d '%.60s'", what, (long long)round, status, error->status,
        error->message);
}

/* A copy with zeroed memory behind it, for a struct_size that claims more than the struct. */
static void *with_room(const void *call, size_t size) {
  static _Alignas(64) unsigned char room[1 << 16];
  memset(room, 0, sizeof room);
  memcpy(room, call, size);
  return room;
}

static int is_projection(const void *pointer) {
  return pointer == NULL || pointer == f.square || pointer == f.narrow || pointer == f.odd;
}

static void fuzz_attention(random_state *r, int64_t round) {
  rapt_sdpa *call = with_room(&f.attention, sizeof f.attention);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  mutate(r, call, sizeof *call);
  rapt_status status = rapt_sdpa_plan(f.context, call, &plan, &error);
  check_answer("attention plan", round, status, &error);
  if (status != RAPT_OK || !plan.supported) {
    error = (rapt_error){.struct_size = sizeof error};
    rapt_status ran = rapt_sdpa_run(f.context, call, &error);
    check_answer("attention run", round, ran, &error);
    CHECK(ran != RAPT_OK, "attention, round %lld: run accepts what plan refuses", (long long)round);
  }
}

static void fuzz_linear(random_state *r, int64_t round) {
  rapt_linear *call = with_room(&f.linear, sizeof f.linear);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  mutate(r, call, sizeof *call);
  /* A handle that is no handle cannot be told from a good one. */
  call->linear = is_projection(call->linear) ? call->linear : f.square;
  rapt_status status = rapt_linear_plan(f.context, call, &plan, &error);
  check_answer("linear plan", round, status, &error);
  if (status != RAPT_OK || !plan.supported) {
    error = (rapt_error){.struct_size = sizeof error};
    rapt_status ran = rapt_linear_run(f.context, call, &error);
    check_answer("linear run", round, ran, &error);
    CHECK(ran != RAPT_OK, "linear, round %lld: run accepts what plan refuses", (long long)round);
  }
}

static void fuzz_mha(random_state *r, int64_t round) {
  rapt_mha *call = with_room(&f.mha, sizeof f.mha);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  mutate(r, call, sizeof *call);
  const rapt_linear_weights **handles[4] = {&call->query_projection, &call->key_projection, &call->value_projection,
                                            &call->output_projection};
  for (int i = 0; i < 4; i++) {
    *handles[i] = is_projection(*handles[i]) ? *handles[i] : f.square;
  }
  rapt_status status = rapt_mha_plan(f.context, call, &plan, &error);
  check_answer("mha plan", round, status, &error);
  if (status != RAPT_OK || !plan.supported) {
    error = (rapt_error){.struct_size = sizeof error};
    rapt_status ran = rapt_mha_run(f.context, call, &error);
    check_answer("mha run", round, ran, &error);
    CHECK(ran != RAPT_OK, "mha, round %lld: run accepts what plan refuses", (long long)round);
  }
}

static void fuzz_rope(random_state *r, int64_t round) {
  rapt_rope *call = with_room(&f.rope, sizeof f.rope);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  mutate(r, call, sizeof *call);
  rapt_status status = rapt_rope_plan(f.context, call, &plan, &error);
  check_answer("rope plan", round, status, &error);
  if (status != RAPT_OK || !plan.supported) {
    error = (rapt_error){.struct_size = sizeof error};
    rapt_status ran = rapt_rope_run(f.context, call, &error);
    check_answer("rope run", round, ran, &error);
    CHECK(ran != RAPT_OK, "rope, round %lld: run accepts what plan refuses", (long long)round);
  }
}

/* abi_fuzz_test [FIRST_ROUND [ROUNDS]]: each round is its own seed, so a crash is replayed by its number. */
int main(int argc, char **argv) {
  check_start();
  fixture_open(&f);
  int64_t first = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
  int64_t rounds = argc > 2 ? strtoll(argv[2], NULL, 10) : TEST_REDUCED ? 20000 : 200000;
  for (int64_t round = first; round < first + rounds; round++) {
    check_set_case("abi_fuzz_test %lld 1", (long long)round);
    random_state r = {(uint64_t)round};
    fuzz_attention(&r, round);
    fuzz_linear(&r, round);
    fuzz_mha(&r, round);
    fuzz_rope(&r, round);
  }
  fixture_close(&f);
  return check_finish("abi_fuzz_test");
}
