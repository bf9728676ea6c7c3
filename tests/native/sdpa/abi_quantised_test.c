// SPDX-License-Identifier: Apache-2.0
// Attention on i8 keys and values: the scales that go with them, broken in one place each.
#include <stdio.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "support/check.h"

typedef rapt_sdpa call;
static fixture f;

enum { GROUPS = 2 };

// i8 in the memory of the fixture's keys and values, with scales in that of its weight matrix.
static call quantised(void) {
  call c = f.attention;
  c.key = fixture_tensor(f.key, RAPT_I8, FIXTURE_BATCH, FIXTURE_KV_HEADS, FIXTURE_KV_LEN, FIXTURE_DIM);
  c.value = fixture_tensor(f.value, RAPT_I8, FIXTURE_BATCH, FIXTURE_KV_HEADS, FIXTURE_KV_LEN, FIXTURE_DIM);
  c.key_scale = fixture_tensor(f.weight, RAPT_F32, FIXTURE_BATCH, FIXTURE_KV_HEADS, FIXTURE_KV_LEN, GROUPS);
  c.value_scale = c.key_scale;
  c.key_scale_groups = c.value_scale_groups = GROUPS;
  return c;
}

static void without_values(call *c) {
  c->kv_len = 0;
  c->key.data = c->value.data = NULL;
  c->mask.data = c->bias.data = c->weights.data = NULL;
}

// name, statement that breaks `c`, text the message must hold.
#define BROKEN(X)                                                                                              \
  X(key_scale_missing, c->key_scale = (rapt_tensor){0}, "key_scale is absent")                                 \
  X(value_scale_missing, c->value_scale = (rapt_tensor){0}, "value_scale is absent")                           \
  X(key_not_i8, (c->key.dtype = RAPT_F32, c->key.data = f.bias), "key_scale or its groups are given, but key") \
  X(value_not_i8, c->value = f.attention.value, "value_scale or its groups are given, but value is not i8")    \
  X(key_groups_alone, (c->key = f.attention.key, c->key_scale = (rapt_tensor){0}),                             \
    "key_scale or its groups are given")                                                                       \
  X(value_groups_alone, (c->value = f.attention.value, c->value_scale = (rapt_tensor){0}),                     \
    "value_scale or its groups")                                                                               \
  X(key_groups_3, c->key_scale_groups = 3, "key_scale_groups is 3; allowed: 0 and the divisors of 4")          \
  X(value_groups_3, c->value_scale_groups = 3, "value_scale_groups is 3; allowed: 0 and the divisors of 4")    \
  X(key_groups_8, c->key_scale_groups = 8, "key_scale_groups is 8")                                            \
  X(value_groups_negative, c->value_scale_groups = -1, "value_scale_groups is -1")                             \
  X(key_groups_min, c->key_scale_groups = INT64_MIN, "key_scale_groups is -9223372036854775808")               \
  X(key_groups_max, c->key_scale_groups = INT64_MAX, "key_scale_groups is 9223372036854775807")                \
  X(key_scale_f16, c->key_scale.dtype = RAPT_F16, "key_scale has dtype 3; allowed: 1 (f32)")                   \
  X(value_scale_i8, c->value_scale.dtype = RAPT_I8, "value_scale has dtype 5; allowed: 1 (f32)")               \
  X(key_scale_misaligned, c->key_scale.data = (char *)f.weight + 2, "key_scale is at")                         \
  X(value_scale_reserved, c->value_scale.reserved = 1, "value_scale.reserved")                                 \
  X(key_scale_stride, c->key_scale.stride[2] = INT64_MAX, "key_scale has sizes and strides")                   \
  X(value_scale_stride, c->value_scale.stride[3] = INT64_MIN, "value_scale has sizes and strides")             \
  X(key_scale_overlap, c->key_scale.data = c->output.data, "output overlaps key_scale")                        \
  X(value_scale_overlap, c->value_scale.data = c->output.data, "output overlaps value_scale")                  \
  X(lse_overlap, c->value_scale.data = c->lse.data, "lse overlaps value_scale")                                \
  X(query_i8, c->query.dtype = RAPT_I8, "query has dtype 5")                                                   \
  X(output_i8, c->output.dtype = RAPT_I8, "output has dtype 5")                                                \
  X(bias_i8, c->bias.dtype = RAPT_I8, "bias has dtype 5")

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
    call c = quantised();
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    check_set_case("i8, %s", broken[i].name);
    broken[i].apply(&c);
    check_refused(broken[i].name, rapt_sdpa_plan(f.context, &c, &plan, &error), &error, broken[i].text);
    error = (rapt_error){.struct_size = sizeof error};
    check_refused(broken[i].name, rapt_sdpa_run(f.context, &c, &error), &error, broken[i].text);
  }
}

// Valid; whether a device has a kernel is another question.
static void check_valid(const char *what, const call *c) {
  rapt_error error = {.struct_size = sizeof error};
  check_set_case("i8, %s", what);
  rapt_status status = rapt_sdpa_run(f.context, c, &error);
  CHECK(status == RAPT_OK || status == RAPT_UNSUPPORTED, "%s: status %d: %s", what, status, error.message);
}

static void test_valid(void) {
  fixture_reset(&f);
  call c = quantised();
  check_valid("both with groups", &c);
  c.key_scale_groups = 0;
  check_valid("groups left at 0", &c);
  c.key_scale_groups = FIXTURE_DIM;
  c.key_scale.stride[3] = 0;
  check_valid("a group per element, one scale for all", &c);
  memset(c.key_scale.stride, 0, sizeof c.key_scale.stride);
  check_valid("one scale for everything", &c);
  c = quantised();
  c.value = f.attention.value;
  c.value_scale = (rapt_tensor){0};
  c.value_scale_groups = 0;
  check_valid("i8 keys only", &c);
  c = quantised();
  without_values(&c);
  c.key_scale.data = c.value_scale.data = NULL;
  c.key_scale_groups = c.value_scale_groups = 0;
  check_valid("no keys, no scales", &c);
}

int main(void) {
  check_start();
  fixture_open(&f);
  test_broken();
  test_valid();
  fixture_close(&f);
  return check_finish("abi_quantised_test");
}
