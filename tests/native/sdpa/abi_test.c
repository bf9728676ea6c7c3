// SPDX-License-Identifier: Apache-2.0
// Attention calls broken in one place each: an error that names the value, from plan and from run, never a crash.
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"

typedef rapt_sdpa call;
static fixture f;

enum { SCRATCH_ROOM = 1 << 20 };
static _Alignas(64) char scratch_memory[SCRATCH_ROOM + 64];

static void *misaligned(rapt_tensor t) { return (char *)t.data + 1; }

// name, statement that breaks `c`, text the message must hold ("" = any). Every one is an invalid argument.
#define BROKEN(X)                                                                                          \
  X(struct_size_zero, c->head.struct_size = 0, "struct_size")                                              \
  X(struct_size_negative, c->head.struct_size = -8, "-8")                                                  \
  X(struct_size_min, c->head.struct_size = INT64_MIN, "struct_size")                                       \
  X(struct_size_max, c->head.struct_size = INT64_MAX, "struct_size")                                       \
  X(struct_size_tiny, c->head.struct_size = 8, "")                                                         \
  X(query_absent, c->query = (rapt_tensor){0}, "query is absent")                                          \
  X(key_absent, c->key = (rapt_tensor){0}, "key is absent")                                                \
  X(value_absent, c->value = (rapt_tensor){0}, "value is absent")                                          \
  X(output_absent, c->output = (rapt_tensor){0}, "output is absent")                                       \
  X(query_misaligned, c->query.data = misaligned(c->query), "query")                                       \
  X(key_misaligned, c->key.data = misaligned(c->key), "key")                                               \
  X(value_misaligned, c->value.data = misaligned(c->value), "value")                                       \
  X(output_misaligned, c->output.data = misaligned(c->output), "output")                                   \
  X(bias_misaligned, c->bias.data = misaligned(c->bias), "bias")                                           \
  X(slopes_misaligned, c->alibi_slopes.data = misaligned(c->alibi_slopes), "alibi_slopes")                 \
  X(sinks_misaligned, c->sinks.data = misaligned(c->sinks), "sinks")                                       \
  X(lse_misaligned, c->lse.data = misaligned(c->lse), "lse")                                               \
  X(weights_misaligned, c->weights.data = misaligned(c->weights), "weights")                               \
  X(query_dtype_zero, c->query.dtype = 0, "query is given, but its dtype is 0")                            \
  X(query_dtype_bool, c->query.dtype = RAPT_BOOL, "query")                                                 \
  X(key_dtype_bool, c->key.dtype = RAPT_BOOL, "key")                                                       \
  X(value_dtype_zero, c->value.dtype = 0, "value")                                                         \
  X(output_dtype_bool, c->output.dtype = RAPT_BOOL, "output")                                              \
  X(mask_dtype_f32, c->mask.dtype = RAPT_F32, "mask")                                                      \
  X(bias_dtype_bool, c->bias.dtype = RAPT_BOOL, "bias")                                                    \
  X(slopes_dtype_bool, c->alibi_slopes.dtype = RAPT_BOOL, "alibi_slopes")                                  \
  X(sinks_dtype_zero, c->sinks.dtype = 0, "sinks is given, but its dtype is 0")                            \
  X(lse_dtype_bool, c->lse.dtype = RAPT_BOOL, "lse")                                                       \
  X(weights_dtype_bool, c->weights.dtype = RAPT_BOOL, "weights")                                           \
  X(batch_negative, c->batch = -1, "-1")                                                                   \
  X(query_heads_negative, c->query_heads = -3, "-3")                                                       \
  X(kv_heads_negative, c->kv_heads = -2, "-2")                                                             \
  X(query_len_negative, c->query_len = -1, "-1")                                                           \
  X(kv_len_negative, c->kv_len = INT64_MIN, "-9223372036854775808")                                        \
  X(head_dim_negative, c->head_dim = -4, "-4")                                                             \
  X(value_dim_negative, c->value_dim = -4, "-4")                                                           \
  X(query_heads_zero, c->query_heads = 0, "query_heads")                                                   \
  X(kv_heads_zero, c->kv_heads = 0, "kv_heads")                                                            \
  X(head_dim_zero, c->head_dim = 0, "head_dim")                                                            \
  X(value_dim_zero, c->value_dim = 0, "value_dim")                                                         \
  X(head_dim_1025, c->head_dim = 1025, "1025")                                                             \
  X(value_dim_1025, c->value_dim = 1025, "1025")                                                           \
  X(head_dim_max, c->head_dim = INT64_MAX, "9223372036854775807")                                          \
  X(heads_not_divisible, c->kv_heads = 3, "3")                                                             \
  X(more_kv_heads, c->kv_heads = 8, "8")                                                                   \
  X(batch_max, c->batch = INT64_MAX, "")                                                                   \
  X(query_heads_max, c->query_heads = INT64_MAX - 1, "")                                                   \
  X(all_heads_max, c->query_heads = c->kv_heads = INT64_MAX, "")                                           \
  X(query_len_max, c->query_len = INT64_MAX, "")                                                           \
  X(kv_len_max, c->kv_len = INT64_MAX, "")                                                                 \
  X(product_overflow, c->batch = c->query_len = c->kv_len = INT64_C(1) << 40, "")                          \
  X(product_to_zero, c->batch = c->query_len = INT64_C(1) << 32, "")                                       \
  X(query_stride_max, c->query.stride[2] = INT64_MAX, "query")                                             \
  X(query_stride_min, c->query.stride[2] = INT64_MIN, "query")                                             \
  X(key_stride_overflow, c->key.stride[2] = INT64_MAX / 2, "key")                                          \
  X(value_stride_overflow, c->value.stride[0] = INT64_MAX / 4, "value")                                    \
  X(output_stride_overflow, c->output.stride[1] = INT64_MIN / 2, "output")                                 \
  X(mask_stride_overflow, c->mask.stride[3] = INT64_MAX, "mask")                                           \
  X(weights_stride_overflow, c->weights.stride[0] = INT64_MAX, "weights")                                  \
  X(output_stride_zero, c->output.stride[3] = 0, "output")                                                 \
  X(output_rows_meet, c->output.stride[2] = 2, "output")                                                   \
  X(output_heads_meet, c->output.stride[1] = 0, "output")                                                  \
  X(lse_stride_zero, c->lse.stride[2] = 0, "lse")                                                          \
  X(weights_stride_zero, c->weights.stride[3] = 0, "weights")                                              \
  X(output_is_query, c->output.data = c->query.data, "output")                                             \
  X(output_in_query, c->output.data = f.query + 4, "output")                                               \
  X(output_is_key, c->output.data = c->key.data, "output")                                                 \
  X(output_is_value, c->output.data = c->value.data, "output")                                             \
  X(output_is_bias, c->output.data = c->bias.data, "output")                                               \
  X(output_is_lse, c->lse.data = c->output.data, "lse")                                                    \
  X(output_is_weights, c->weights.data = c->output.data, "weights")                                        \
  X(lse_is_query, c->lse.data = c->query.data, "lse")                                                      \
  X(weights_is_bias, c->weights.data = c->bias.data, "weights")                                            \
  X(weights_is_lse, c->lse.data = c->weights.data, "lse")                                                  \
  X(scale_nan, c->options.scale = NAN, "scale")                                                            \
  X(scale_infinite, c->options.scale = INFINITY, "scale")                                                  \
  X(softcap_nan, c->options.softcap = NAN, "softcap")                                                      \
  X(softcap_infinite, c->options.softcap = INFINITY, "softcap")                                            \
  X(softcap_negative, c->options.softcap = -1.5f, "-1.5")                                                  \
  X(window_left_bad, c->options.window_left = -2, "-2")                                                    \
  X(window_right_bad, c->options.window_right = INT64_MIN, "-9223372036854775808")                         \
  X(stage_high, c->options.weights_stage = 4, "4")                                                         \
  X(stage_negative, c->options.weights_stage = -1, "-1")                                                   \
  X(flags_unknown, c->options.flags |= 1 << 20, "flags")                                                   \
  X(flags_sign, c->options.flags = INT32_MIN, "flags")                                                     \
  X(position_twice, c->options.position = 3, "options.position is 3 and positions are given")              \
  X(positions_dtype, c->positions.dtype = RAPT_F32, "positions has dtype 1; allowed: 6 (i64) and 7 (i32)") \
  X(positions_misaligned, c->positions.data = misaligned(c->positions), "positions is at")                 \
  X(positions_overlap, c->positions.data = c->output.data, "output overlaps positions")                    \
  X(positions_stride, c->positions.stride[0] = INT64_MAX, "positions has sizes and strides")               \
  X(tensor_reserved, c->query.reserved = 1, "query")                                                       \
  X(mask_reserved, c->mask.reserved = 7, "mask")                                                           \
  X(options_reserved, c->options.reserved[3] = 1, "reserved")

#define DEFINE(name, statement, text) \
  static void break_##name(call *c) { statement; }
#define ENTRY(name, statement, text) {#name, break_##name, text},
BROKEN(DEFINE)
static const struct {
  const char *name;
  void (*apply)(call *c);
  const char *text;
} broken[] = {BROKEN(ENTRY)};

static void check_message(const char *what, rapt_status status, const rapt_error *error, const char *text) {
  CHECK(error->status == status, "%s: returned %d, but the error says %d", what, status, error->status);
  CHECK(memchr(error->message, 0, sizeof error->message) != NULL, "%s: message not terminated", what);
  CHECK(strlen(error->message) > 10, "%s: no sentence: '%s'", what, error->message);
  CHECK(strstr(error->message, text) != NULL, "%s: '%s' does not name '%s'", what, error->message, text);
}

// Both entries refuse with this status and name the value.
static void check_refused(const char *name, const call *c, rapt_status expected, const char *text) {
  char what[96];
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  snprintf(what, sizeof what, "%s, plan", name);
  check_set_case("%s", what);
  rapt_status status = rapt_sdpa_plan(f.context, c, &plan, &error);
  CHECK(status == expected, "%s: expected status %d, got %d '%s'", what, expected, status, error.message);
  if (status != RAPT_OK) check_message(what, status, &error, text);
  error = (rapt_error){.struct_size = sizeof error};
  snprintf(what, sizeof what, "%s, run", name);
  check_set_case("%s", what);
  status = rapt_sdpa_run(f.context, c, &error);
  CHECK(status == expected, "%s: expected status %d, got %d '%s'", what, expected, status, error.message);
  if (status != RAPT_OK) check_message(what, status, &error, text);
  CHECK(rapt_sdpa_run(f.context, c, NULL) == expected, "%s: another status without an error struct", what);
  check_set_case("%s", "");
}

static void check_accepted(const char *name, const call *c) {
  rapt_error error = {.struct_size = sizeof error};
  check_set_case("%s", name);
  rapt_status status = rapt_sdpa_run(f.context, c, &error);
  CHECK(status == RAPT_OK, "%s: refused with %d: %s", name, status, error.message);
  CHECK(error.status == 0 && !error.message[0], "%s: a good call touched the error: '%s'", name, error.message);
  check_set_case("%s", "");
}

static void test_broken(void) {
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    fixture_reset(&f);
    call c = f.attention;
    broken[i].apply(&c);
    check_refused(broken[i].name, &c, RAPT_INVALID_ARGUMENT, broken[i].text);
    // A refused call leaves the context usable.
    check_accepted("the valid call after a refused one", &f.attention);
  }
  fixture_reset(&f);
  call c = f.attention;
  c.query.dtype = c.key.dtype = c.value.dtype = c.output.dtype = 99;
  rapt_status status = rapt_sdpa_run(f.context, &c, NULL);
  CHECK(status == RAPT_INVALID_ARGUMENT || status == RAPT_UNSUPPORTED, "dtype 99: status %d", status);
}

// A caller older or newer than the library; the struct ends at a guard page, so nothing past its end is read.
static void test_struct_sizes(void) {
  static guard_buffer memory;
  fixture_reset(&f);
  const size_t shorter = offsetof(rapt_sdpa, options);
  call *old = guard_place(&memory, shorter, GUARD_END);
  memcpy(old, &f.attention, shorter);
  old->head.struct_size = (int64_t)shorter;
  check_accepted("struct_size without options", old);

  unsigned char *longer = guard_place(&memory, sizeof f.attention + 64, GUARD_END);
  memset(longer, 0, sizeof f.attention + 64);
  memcpy(longer, &f.attention, sizeof f.attention);
  call *new = (call *)(void *)longer;
  new->head.struct_size = (int64_t)sizeof f.attention + 64;
  check_accepted("longer struct_size with a zero tail", new);
  longer[sizeof f.attention + 63] = 1;
  rapt_error error = {.struct_size = sizeof error};
  rapt_status status = rapt_sdpa_run(f.context, new, &error);
  CHECK(status == RAPT_UNSUPPORTED, "longer struct_size with a non-zero tail: status %d", status);
  check_message("longer struct_size with a non-zero tail", status, &error, "");
  guard_free(&memory);
}

// Sizes of an error struct other than the library's: only what the caller has is written.
static void test_error_struct(void) {
  static guard_buffer memory;
  fixture_reset(&f);
  call c = f.attention;
  c.head_dim = 1025;
  static const size_t sizes[] = {16, 24, 40, sizeof(rapt_error)};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    check_set_case("error struct of %zu bytes", sizes[i]);
    rapt_error *error = guard_place(&memory, sizes[i], GUARD_END);
    memset(error, 0, sizes[i]);
    error->struct_size = (int64_t)sizes[i];
    rapt_status status = rapt_sdpa_run(f.context, &c, error);
    CHECK(status == RAPT_INVALID_ARGUMENT, "error struct of %zu bytes: status %d", sizes[i], status);
    CHECK(error->status == status, "error struct of %zu bytes: its status is %d", sizes[i], error->status);
    CHECK(sizes[i] == 16 || memchr(error->message, 0, sizes[i] - 16) != NULL,
          "error struct of %zu bytes: not terminated", sizes[i]);
  }
  static const int64_t senseless[] = {0, -1, 8, INT64_MIN};
  for (size_t i = 0; i < sizeof senseless / sizeof senseless[0]; i++) {
    check_set_case("error struct_size %lld", (long long)senseless[i]);
    int64_t *error = guard_place(&memory, sizeof *error, GUARD_END);
    *error = senseless[i];
    rapt_status status = rapt_sdpa_run(f.context, &c, (rapt_error *)(void *)error);
    CHECK(status == RAPT_INVALID_ARGUMENT, "error struct_size %lld: status %d", (long long)senseless[i], status);
  }
  check_set_case("%s", "");
  guard_free(&memory);
}

static void test_null_arguments(void) {
  fixture_reset(&f);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_run(NULL, &f.attention, &error) == RAPT_INVALID_ARGUMENT, "run without context");
  check_message("run without context", RAPT_INVALID_ARGUMENT, &error, "context");
  CHECK(rapt_sdpa_run(f.context, NULL, &error) == RAPT_INVALID_ARGUMENT, "run without call");
  CHECK(rapt_sdpa_run(NULL, NULL, NULL) == RAPT_INVALID_ARGUMENT, "run without anything");
  CHECK(rapt_sdpa_plan(NULL, &f.attention, &plan, &error) == RAPT_INVALID_ARGUMENT, "plan without context");
  CHECK(rapt_sdpa_plan(f.context, NULL, &plan, &error) == RAPT_INVALID_ARGUMENT, "plan without call");
  CHECK(rapt_sdpa_plan(f.context, &f.attention, NULL, &error) == RAPT_INVALID_ARGUMENT, "plan without plan");
  CHECK(rapt_sdpa_plan(NULL, NULL, NULL, NULL) == RAPT_INVALID_ARGUMENT, "plan without anything");
  plan.struct_size = 0;
  CHECK(rapt_sdpa_plan(f.context, &f.attention, &plan, &error) == RAPT_INVALID_ARGUMENT, "plan of size 0");
}

static void test_scratch(void) {
  fixture_reset(&f);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_sdpa_plan(f.context, &f.attention, &plan, &error) == RAPT_OK, "plan: %s", error.message);
  CHECK(plan.supported == 1 && !plan.reason[0], "the valid call is unsupported: %s", plan.reason);
  CHECK(strstr(plan.name, "sdpa") != NULL && strstr(plan.name, rapt_isa_name(plan.isa)) != NULL, "plan name '%s'",
        plan.name);
  CHECK(plan.scratch_size >= 0 && plan.scratch_size < SCRATCH_ROOM, "scratch of %lld bytes for a tiny call",
        (long long)plan.scratch_size);
  f.attention.head.scratch = scratch_memory;
  f.attention.head.scratch_size = plan.scratch_size;
  check_accepted("scratch of the plan's size", &f.attention);
  CHECK(plan.scratch_size > 0, "no scratch at all, so nothing to be short of");
  f.attention.head.scratch_size = plan.scratch_size - 1;
  error = (rapt_error){.struct_size = sizeof error};
  // Too little is run's to refuse: plan is asked how much it should be.
  rapt_status status = rapt_sdpa_run(f.context, &f.attention, &error);
  CHECK(status == RAPT_INVALID_ARGUMENT, "scratch one byte short: status %d", status);
  check_message("scratch one byte short", status, &error, "scratch");
  f.attention.head.scratch_size = -1;
  check_refused("scratch of negative size", &f.attention, RAPT_INVALID_ARGUMENT, "-1");
  f.attention.head.scratch = scratch_memory + 4;
  f.attention.head.scratch_size = SCRATCH_ROOM;
  check_refused("misaligned scratch", &f.attention, RAPT_INVALID_ARGUMENT, "scratch");
}

// Scratch must not grow with the lengths: the whole point of online softmax.
static void test_scratch_growth(void) {
  fixture_reset(&f);
  int64_t least = INT64_MAX, most = 0;
  for (int64_t length = 4096; length <= 131072; length *= 2) {
    call c = {.head = {.struct_size = sizeof c},
              .batch = 1,
              .query_heads = 8,
              .kv_heads = 8,
              .query_len = length,
              .kv_len = length,
              .head_dim = 64,
              .value_dim = 64};
    rapt_tensor *tensors[4] = {&c.query, &c.key, &c.value, &c.output};
    for (int t = 0; t < 4; t++) *tensors[t] = fixture_tensor(NULL, RAPT_F32, 1, 8, length, 64);
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    CHECK(rapt_sdpa_plan(f.context, &c, &plan, &error) == RAPT_OK && plan.supported, "length %lld: %s%s",
          (long long)length, error.message, plan.reason);
    least = plan.scratch_size < least ? plan.scratch_size : least;
    most = plan.scratch_size > most ? plan.scratch_size : most;
  }
  CHECK(most == least, "scratch grows with the length, from %lld to %lld bytes", (long long)least, (long long)most);
  CHECK(most < INT64_C(64) << 20, "scratch of %lld bytes, more than 64 MiB", (long long)most);
}

// Absent optional tensors, ignored strides, empty problems with absent data: all fine.
static void test_accepted(void) {
  fixture_reset(&f);
  check_accepted("everything present", &f.attention);
  call c = f.attention;
  c.mask = c.bias = c.alibi_slopes = c.sinks = c.lse = c.weights = c.positions = (rapt_tensor){0};
  c.options = (rapt_sdpa_options){0};
  check_accepted("nothing optional", &c);
  c.options.window_left = c.options.window_right = -77;
  c.options.scale = NAN;
  check_accepted("values whose flag is not set", &c);
  c = f.attention;
  c.alibi_slopes.stride[2] = c.lse.stride[3] = INT64_MAX;
  check_accepted("senseless strides of dimensions that do not exist", &c);
  c = f.attention;
  c.query.data = c.key.data;
  c.key.stride[0] = c.key.stride[1] = c.value.stride[0] = 0;
  check_accepted("inputs that overlap each other", &c);
  c.batch = 0;
  check_accepted("an empty batch", &c);
  c = f.attention;
  c.kv_len = 0;
  c.key.data = c.value.data = NULL;
  c.mask.data = c.bias.data = c.weights.data = NULL;
  check_accepted("no keys, and no memory for them", &c);
  c = f.attention;
  f.positions32[0] = INT32_MIN;
  c.positions = (rapt_tensor){.data = f.positions32, .stride = {0}, .dtype = RAPT_I32};
  check_accepted("one position for all samples, i32", &c);
  c.positions = (rapt_tensor){.data = f.positions, .stride = {1}, .dtype = RAPT_I64};
  check_accepted("positions, i64", &c);
}

// Sizes at their limits, whose products no int64 holds: refused, also where a plan has no addresses.
static void test_huge_sizes(void) {
  call c = {.head = {.struct_size = sizeof c}, .batch = 1, .kv_heads = 1, .kv_len = 8, .head_dim = 4, .value_dim = 4};
  c.query.dtype = c.key.dtype = c.value.dtype = c.output.dtype = RAPT_F32;
  c.key.stride[3] = c.value.stride[3] = 1;
  for (int shift = 23; shift <= 24; shift++) {
    c.query_heads = INT64_C(1) << shift, c.query_len = INT64_C(1) << 40;
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    check_message("rows beyond 64 bits", rapt_sdpa_plan(f.context, &c, &plan, &error), &error, "output has strides");
  }
  // A dense output, but more splits of the keys than there are numbers for.
  c = (call){.head = {.struct_size = sizeof c},
             .batch = INT64_C(1) << 40,
             .query_heads = 1 << 20,
             .kv_heads = 1 << 20,
             .query_len = 1,
             .kv_len = 8192,
             .head_dim = 1,
             .value_dim = 1};
  c.query.dtype = c.key.dtype = c.value.dtype = c.output.dtype = RAPT_F16;
  c.key.stride[3] = c.value.stride[3] = 1;
  c.output.stride[0] = 1 << 20, c.output.stride[1] = c.output.stride[2] = c.output.stride[3] = 1;
  rapt_context *several = context_of(RAPT_ISA_PORTABLE, 3);
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  check_message("splits beyond 64 bits", rapt_sdpa_plan(several, &c, &plan, &error), &error, "64 bits");
  rapt_context_destroy(several);
}

int main(void) {
  check_start();
  fixture_open(&f);
  test_accepted();
  test_huge_sizes();
  test_broken();
  test_struct_sizes();
  test_error_struct();
  test_null_arguments();
  test_scratch();
  test_scratch_growth();
  fixture_close(&f);
  return check_finish("abi_sdpa_test");
}
