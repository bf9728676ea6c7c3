// SPDX-License-Identifier: Apache-2.0
// Rotary embedding calls broken in one place each, as abi_sdpa_test does for attention; and what may overlap.
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "support/check.h"

typedef rapt_rope call;
static fixture f;

static void *misaligned(rapt_tensor t) { return (char *)t.data + 1; }

static void without_positions(call *c) {
  c->positions = (rapt_tensor){0};
  c->table_length = 0;
}

// name, statement that breaks `c`, text the message must hold.
#define BROKEN(X)                                                                                        \
  X(struct_size, c->head.struct_size = 0, "struct_size")                                                 \
  X(struct_size_max, c->head.struct_size = INT64_MAX, "struct_size")                                     \
  X(input_absent, c->input = (rapt_tensor){0}, "input is absent")                                        \
  X(output_absent, c->output = (rapt_tensor){0}, "output is absent")                                     \
  X(cosine_absent, c->cosine = (rapt_tensor){0}, "cosine is absent")                                     \
  X(sine_absent, c->sine = (rapt_tensor){0}, "sine is absent")                                           \
  X(input_misaligned, c->input.data = misaligned(c->input), "input")                                     \
  X(output_misaligned, c->output.data = misaligned(c->output), "output")                                 \
  X(cosine_misaligned, c->cosine.data = misaligned(c->cosine), "cosine")                                 \
  X(sine_misaligned, c->sine.data = misaligned(c->sine), "sine")                                         \
  X(positions_misaligned, c->positions.data = (char *)f.positions + 4, "positions")                      \
  X(input_dtype, c->input.dtype = RAPT_I8, "input has dtype 5")                                          \
  X(output_dtype, c->output.dtype = RAPT_BOOL, "output has dtype 2")                                     \
  X(cosine_dtype, c->cosine.dtype = 0, "cosine is given, but its dtype is 0")                            \
  X(sine_dtype, c->sine.dtype = RAPT_I64, "sine has dtype 6")                                            \
  X(positions_dtype, c->positions.dtype = RAPT_F32, "allowed: 6 (i64) and 7 (i32)")                      \
  X(input_reserved, c->input.reserved = 1, "input.reserved")                                             \
  X(positions_reserved, c->positions.reserved = 1, "positions.reserved")                                 \
  X(batch_negative, c->batch = -1, "batch is -1")                                                        \
  X(batch_max, c->batch = INT64_MAX, "batch")                                                            \
  X(heads_zero, c->heads = 0, "heads is 0")                                                              \
  X(heads_max, c->heads = INT64_MAX, "heads")                                                            \
  X(length_negative, c->length = -7, "length is -7")                                                     \
  X(length_max, c->length = INT64_MAX, "length")                                                         \
  X(head_dim_zero, c->head_dim = 0, "head_dim is 0")                                                     \
  X(head_dim_large, c->head_dim = 1025, "head_dim is 1025")                                              \
  X(head_dim_odd, c->head_dim = 3, "head_dim is odd: 3")                                                 \
  X(rotary_dim_negative, c->rotary_dim = -2, "rotary_dim is -2")                                         \
  X(rotary_dim_odd, c->rotary_dim = 3, "rotary_dim is 3; it must be even")                               \
  X(rotary_dim_large, c->rotary_dim = 6, "rotary_dim is 6; allowed: 0 to 4")                             \
  X(rotary_dim_max, c->rotary_dim = INT64_MAX, "rotary_dim")                                             \
  X(table_zero, c->table_length = 0, "table_length is 0; allowed: 1")                                    \
  X(table_negative, c->table_length = -1, "table_length is -1")                                          \
  X(table_max, c->table_length = INT64_MAX, "table_length")                                              \
  X(table_alone, c->positions = (rapt_tensor){0}, "positions are not given")                             \
  X(flags, c->flags = 2, "flags is 0x2")                                                                 \
  X(flags_negative, c->flags = -1, "flags")                                                              \
  X(reserved, c->reserved = 5, "reserved is 5")                                                          \
  X(stream, c->head.stream = (rapt_stream *)(void *)f.sine, "stream")                                    \
  X(input_stride, c->input.stride[0] = INT64_MAX, "input")                                               \
  X(cosine_stride, c->cosine.stride[0] = INT64_MAX / 2, "cosine")                                        \
  X(positions_stride, c->positions.stride[1] = INT64_MIN, "positions")                                   \
  X(output_stride_zero, c->output.stride[1] = 0, "output has strides")                                   \
  X(output_overlap, c->output.data = (float *)c->input.data + 2, "output overlaps input")                \
  X(in_place_strides, (c->output.data = c->input.data, c->output.stride[2] = 8), "output")               \
  X(in_place_heads, (c->output = c->input, c->output.stride[1] = 4, c->output.stride[2] = 16), "output") \
  X(in_place_dtype, (c->output = c->input, c->output.dtype = RAPT_F16), "output overlaps input")         \
  X(in_place_shared, (c->input.stride[1] = 0, c->output = c->input), "output has strides")               \
  X(cosine_overlap, c->cosine.data = c->output.data, "output overlaps cosine")                           \
  X(sine_overlap, c->sine.data = (float *)c->output.data + 30, "output overlaps sine")                   \
  X(sine_in_place, (c->output = c->input, c->sine.data = c->input.data), "output overlaps sine")         \
  X(positions_overlap, c->positions.data = (float *)c->output.data + 8, "output overlaps positions")     \
  X(token_overlap, (without_positions(c), c->cosine = c->output), "output overlaps cosine")

#define DEFINE(name, statement, text) \
  static void break_##name(call *c) { statement; }
BROKEN(DEFINE)
#define ENTRY(name, statement, text) {#name, break_##name, text},
static const struct {
  const char *name;
  void (*apply)(call *c);
  const char *text;
} broken[] = {BROKEN(ENTRY)};

static void check_refused(const char *name, rapt_status status, const rapt_error *error, const char *text) {
  CHECK(status == RAPT_INVALID_ARGUMENT, "%s: status %d '%s'", name, status, error->message);
  CHECK(error->status == status && strstr(error->message, text) != NULL, "%s: '%s' does not name '%s'", name,
        error->message, text);
}

static void test_broken(void) {
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    fixture_reset(&f);
    call c = f.rope;
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    check_set_case("rope, %s", broken[i].name);
    broken[i].apply(&c);
    check_refused(broken[i].name, rapt_rope_plan(f.context, &c, &plan, &error), &error, broken[i].text);
    error = (rapt_error){.struct_size = sizeof error};
    check_refused(broken[i].name, rapt_rope_run(f.context, &c, &error), &error, broken[i].text);
    error = (rapt_error){.struct_size = sizeof error};
    CHECK(rapt_rope_run(f.context, &f.rope, &error) == RAPT_OK, "the valid call after %s: %s", broken[i].name,
          error.message);
  }
  CHECK(rapt_rope_run(NULL, &f.rope, NULL) == RAPT_INVALID_ARGUMENT, "no context");
  CHECK(rapt_rope_run(f.context, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no call");
  CHECK(rapt_rope_plan(NULL, &f.rope, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no context for plan");
  CHECK(rapt_rope_plan(f.context, &f.rope, NULL, NULL) == RAPT_INVALID_ARGUMENT, "no plan");
}

// plan reads no data; run finds the position before it writes, and names it.
static void test_positions(void) {
  static const int64_t wrong[] = {-1, FIXTURE_TABLE, INT64_MAX, INT64_MIN};
  for (int i = 0; i < 4; i++) {
    fixture_reset(&f);
    check_set_case("rope, position %" PRId64, wrong[i]);
    char text[96];
    snprintf(text, sizeof text, "positions(1, 2) is %" PRId64 "; allowed: 0 to %d", wrong[i], FIXTURE_TABLE - 1);
    memset(f.rope_out, 0x7b, sizeof f.rope_out);
    float before[sizeof f.rope_out / sizeof f.rope_out[0]];
    memcpy(before, f.rope_out, sizeof before);
    f.positions[5] = wrong[i];
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_rope_plan(f.context, &f.rope, &plan, &error) == RAPT_OK, "plan reads positions: %s", error.message);
    check_refused("position", rapt_rope_run(f.context, &f.rope, &error), &error, text);
    CHECK(!memcmp(before, f.rope_out, sizeof before), "written before the position was found");
    f.positions[5] = FIXTURE_TABLE - 1;
    CHECK(rapt_rope_run(f.context, &f.rope, &error) == RAPT_OK, "the last row: %s", error.message);
    f.positions[5] = 0;
  }
}

// Of 32 bits: the same sentence, and the same results.
static void test_narrow_positions(void) {
  static const int32_t wrong[] = {-1, FIXTURE_TABLE, INT32_MAX, INT32_MIN};
  fixture_reset(&f);
  float wide[sizeof f.rope_out / sizeof f.rope_out[0]];
  rapt_error error = {.struct_size = sizeof error};
  for (int i = 0; i < FIXTURE_ROWS; i++) f.positions[i] = f.positions32[i] = (i * 5 + 1) % FIXTURE_TABLE;
  CHECK(rapt_rope_run(f.context, &f.rope, &error) == RAPT_OK, "i64: %s", error.message);
  memcpy(wide, f.rope_out, sizeof wide);
  memset(f.rope_out, 0xff, sizeof f.rope_out);
  f.rope.positions = (rapt_tensor){.data = f.positions32, .stride = {FIXTURE_Q_LEN, 1}, .dtype = RAPT_I32};
  CHECK(rapt_rope_run(f.context, &f.rope, &error) == RAPT_OK, "i32: %s", error.message);
  CHECK(!memcmp(wide, f.rope_out, sizeof wide), "i32 positions give other results than i64");
  for (int i = 0; i < 4; i++) {
    char text[96];
    check_set_case("rope, i32 position %d", wrong[i]);
    snprintf(text, sizeof text, "positions(0, 1) is %d; allowed: 0 to %d", wrong[i], FIXTURE_TABLE - 1);
    f.positions32[1] = wrong[i];
    check_refused("position", rapt_rope_run(f.context, &f.rope, &error), &error, text);
    CHECK(!memcmp(wide, f.rope_out, sizeof wide), "written before the position was found");
  }
  memset(f.positions, 0, sizeof f.positions);
}

static void check_accepted(const char *what, const call *c) {
  rapt_error error = {.struct_size = sizeof error};
  check_set_case("rope, %s", what);
  CHECK(rapt_rope_run(f.context, c, &error) == RAPT_OK, "%s: %s", what, error.message);
}

static void test_accepted(void) {
  call c = f.rope;
  c.output = c.input;
  check_accepted("in place", &c);
  c.batch = 1;
  c.output.stride[0] = 12345;
  check_accepted("in place, with another stride where there is one element", &c);
  // Query and key of one buffer of rows: the halves do not overlap.
  c = f.rope;
  c.head_dim = FIXTURE_DIM / 2;
  c.output = c.input;
  c.output.data = (float *)c.input.data + FIXTURE_DIM / 2;
  check_accepted("halves of the same rows", &c);
  c = f.rope;
  c.batch = 0;
  c.input.data = c.output.data = c.positions.data = NULL;
  check_accepted("no tokens, and no positions for them", &c);
  c = f.rope;
  c.head.struct_size = offsetof(rapt_rope, flags);
  check_accepted("an older caller's struct", &c);
}

static void check_name(const call *c, const char *expected) {
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  char name[96];
  CHECK(rapt_rope_plan(f.context, c, &plan, &error) == RAPT_OK, "plan: %s", error.message);
  snprintf(name, sizeof name, expected, rapt_isa_name(plan.isa));
  CHECK(!strcmp(plan.name, name), "expected the name '%s', got '%s'", name, plan.name);
}

static void test_names(void) {
  check_set_case("rope, names");
  call c = f.rope;
  check_name(&c, "rope_f32_%s_d4");
  c.rotary_dim = 2;
  check_name(&c, "rope_f32_%s_d4_r2");
  c.flags = RAPT_ROPE_INTERLEAVED;
  c.input.dtype = RAPT_BF16;
  check_name(&c, "rope_interleaved_mixed_%s_d4_r2");
  c.output.dtype = RAPT_BF16;
  check_name(&c, "rope_interleaved_bf16_%s_d4_r2");
}

int main(void) {
  check_start();
  fixture_open(&f);
  test_broken();
  test_positions();
  test_narrow_positions();
  fixture_reset(&f);
  test_accepted();
  test_names();
  fixture_close(&f);
  return check_finish("abi_rope_test");
}
