// SPDX-License-Identifier: Apache-2.0
// What the operand tables promise of every operation's call, one mistake at a time: a sentence that names the operand,
// from plan and from run. The calls are the fixture's, or plain ones made from the tables; what to break in them comes
// from the tables too, so a new operation needs nothing here, unless its rules refuse a plain call.
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "call/check.h"
#include "call/draw.h"
#include "support/check.h"

static fixture f;
static int32_t number;
static const rapt_operation *operation;
static rapt_checked checked;

// The call under test, and where an operand of it is.
static _Alignas(64) unsigned char call[RAPT_PROBLEM_ROOM];

static rapt_tensor *tensor_of(const rapt_operand *o) { return (rapt_tensor *)(void *)(call + o->offset); }

// Copies the valid call of operation n.
static void make_valid(int32_t n, void *to) {
  static _Alignas(64) unsigned char memory[1 << 16];
  const draw_source from = {.memory = memory, .bytes = sizeof memory};
  const void *valid = fixture_call(&f, n);
  if (valid != NULL) {
    memcpy(to, valid, rapt_operation_of(n)->struct_size);
  } else {
    draw_plain(rapt_operation_of(n), &from, to);
  }
}

static void reset(void) { make_valid(number, call); }

static int in_case(const rapt_operand *o) { return o->when == 0 || (o->when & checked.cases); }

static int64_t size_of(const rapt_operand *o, int d) { return checked.sizes.of[o->shape[d] - 'A']; }

enum entry { PLAN = 1, RUN = 2, BOTH = 3 };

// The entries named refuse the call and say `text`; the others take it. Resets the call.
static void check_refused(const char *what, enum entry entries, rapt_status expected, const char *text) {
  for (int entry = PLAN; entry <= RUN; entry++) {
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    const char *name = entry == PLAN ? "plan" : "run";
    check_set_case("operands_test: %s %s, %s", operation->word, name, what);
    rapt_status status = entry == PLAN ? rapt_plan_call(f.context, number, call, &plan, &error)
                                       : rapt_run_call(f.context, number, call, &error);
    if (entries & entry) {
      CHECK(status == expected && error.status == expected, "%s: status %d, in the error %d", what, status,
            error.status);
      CHECK(strstr(error.message, text) != NULL, "%s: '%s' does not say '%s'", what, error.message, text);
    } else {
      CHECK(status == RAPT_OK, "%s: refused: %s", what, error.message);
    }
  }
  reset();
}

static void refused(const char *what, const char *name, const char *text) {
  char sentence[128];
  snprintf(sentence, sizeof sentence, "%s%s", name, text);
  check_refused(what, BOTH, RAPT_INVALID_ARGUMENT, sentence);
}

static void test_presence(const rapt_operand *o) {
  char what[96], sentence[96];
  tensor_of(o)->dtype = 0;
  snprintf(what, sizeof what, "%s with an address and no dtype", o->name);
  refused(what, o->name, " is given, but its dtype is 0");
  snprintf(what, sizeof what, "%s without an address", o->name);
  snprintf(sentence, sizeof sentence, "%s is NULL", o->name);
  tensor_of(o)->data = NULL;
  check_refused(what, RUN, RAPT_INVALID_ARGUMENT, sentence);
  if (!o->optional) {
    snprintf(what, sizeof what, "%s left out", o->name);
    *tensor_of(o) = (rapt_tensor){0};
    refused(what, o->name, " is absent");
  }
}

// An address of a tensor that this call cannot have is a mistake as well.
static void test_outside_case(const rapt_operand *o) {
  *tensor_of(o) = (rapt_tensor){.data = call};
  refused("an address and no dtype in another case", o->name, " is given, but its dtype is 0");
}

static void test_types(const rapt_operand *o) {
  static const int32_t senseless[] = {-1, INT32_MIN, INT32_MAX, RAPT_DTYPES, 31, 32, 64};
  char what[96], text[64];
  int32_t dtypes[RAPT_DTYPES + 7];
  int count = 0;
  for (int32_t d = 1; d < RAPT_DTYPES; d++) {
    if (!(o->dtypes & RAPT_ONLY(d))) dtypes[count++] = d;
  }
  for (int i = 0; i < 7; i++) dtypes[count++] = senseless[i];
  for (int i = 0; i < count; i++) {
    tensor_of(o)->dtype = dtypes[i];
    snprintf(what, sizeof what, "%s of dtype %d", o->name, dtypes[i]);
    snprintf(text, sizeof text, " has dtype %d; allowed:", dtypes[i]);
    refused(what, o->name, text);
  }
  tensor_of(o)->reserved = -3;
  refused("reserved", o->name, ".reserved is -3");
  if (rapt_element_size(tensor_of(o)->dtype) > 1) {
    tensor_of(o)->data = (char *)tensor_of(o)->data + 1;
    refused("misaligned", o->name, " is at ");
  }
}

static void test_strides(const rapt_operand *o) {
  for (int d = 0; o->shape[d]; d++) {
    if (size_of(o, d) < 2) continue;
    tensor_of(o)->stride[d] = INT64_MAX;
    refused("a stride beyond 64 bits", o->name, " has sizes and strides");
    tensor_of(o)->stride[d] = INT64_MIN;
    refused("a stride beyond 64 bits the other way", o->name, " has sizes and strides");
    if (o->access & RAPT_WRITE) {
      tensor_of(o)->stride[d] = 0;
      refused("elements on each other", o->name, " has strides by which its elements overlap");
    }
  }
  // Of dimensions that it has not.
  for (int d = (int)strlen(o->shape); d < RAPT_MAX_RANK; d++) tensor_of(o)->stride[d] = INT64_MAX - d;
  check_refused("strides of no dimension", 0, RAPT_OK, "");
}

static void test_overlap(const rapt_operand *written) {
  char what[96];
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    if (o == written || !in_case(o)) continue;
    tensor_of(written)->data = tensor_of(o)->data;
    snprintf(what, sizeof what, "%s at the address of %s", written->name, o->name);
    if (written->in_place == o->offset && !memcmp(tensor_of(written), tensor_of(o), sizeof(rapt_tensor))) {
      check_refused(what, 0, RAPT_OK, "");
    } else if (rapt_element_size(tensor_of(written)->dtype) <= rapt_element_size(tensor_of(o)->dtype)) {
      check_refused(what, BOTH, RAPT_INVALID_ARGUMENT, " overlaps ");
    }
    reset();
  }
}

static void test_dimension(const rapt_dimension *d) {
  const int64_t wrong[] = {d->least - 1, d->most + 1, -1, INT64_MIN, INT64_MAX};
  char text[96];
  for (int i = 0; i < 5; i++) {
    memcpy(call + d->offset, &wrong[i], sizeof wrong[i]);
    snprintf(text, sizeof text, " is %" PRId64 "; allowed: %" PRId64 " to %" PRId64, wrong[i], d->least, d->most);
    refused("a size out of range", d->name, text);
  }
}

static void test_head(void) {
  rapt_head *head = (rapt_head *)(void *)call;
  static const int64_t sizes[] = {0, -8, 7, 65537, INT64_MIN, INT64_MAX};
  for (int i = 0; i < 6; i++) {
    head->struct_size = sizes[i];
    refused("struct_size", operation->struct_name, ".struct_size is ");
  }
  head->scratch = call + 4;
  refused("scratch misaligned", "scratch", " is at ");
  head->scratch_size = -1;
  refused("scratch_size", "scratch_size", " is -1");
  head->stream = (rapt_stream *)(void *)call;
  refused("a stream on the CPU", "a stream", " is given");
}

static void test_weights(void) {
  for (const rapt_weights_operand *w = operation->weights; w != NULL && w->name != NULL; w++) {
    if (!w->optional) {
      memset(call + w->offset, 0, sizeof(void *));
      refused("weights left out", w->name, " is NULL");
    }
  }
}

static void test_operation(void) {
  rapt_error error = {.struct_size = sizeof error};
  _Alignas(64) unsigned char problem[RAPT_PROBLEM_ROOM];
  fixture_reset(&f);
  reset();
  CHECK(rapt_check_call(f.context, number, call, RAPT_FOR_RUN, problem, &checked, &error) == RAPT_OK,
        "the fixture's %s: %s", operation->word, error.message);
  check_refused("the valid call", 0, RAPT_OK, "");
  test_head();
  test_weights();
  for (const rapt_dimension *d = operation->dimensions; d->name != NULL; d++) test_dimension(d);
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    if (!in_case(o)) {
      if (tensor_of(o)->dtype == 0) test_outside_case(o);
      continue;
    }
    CHECK(tensor_of(o)->dtype != 0, "the fixture's %s lacks %s", operation->word, o->name);
    test_presence(o);
    test_types(o);
    test_strides(o);
    if (o->access & RAPT_WRITE) test_overlap(o);
  }
}

// A number that is no operation's.
static void test_numbers(void) {
  static const int32_t wrong[] = {-1, RAPT_OPERATIONS, INT32_MIN, INT32_MAX};
  for (int i = 0; i < 4; i++) {
    rapt_plan plan = {.struct_size = sizeof plan};
    rapt_error error = {.struct_size = sizeof error};
    char text[64];
    check_set_case("operation %d", wrong[i]);
    snprintf(text, sizeof text, "operation is %d; this library has 0 to %d", wrong[i], RAPT_OPERATIONS - 1);
    CHECK(rapt_plan_call(f.context, wrong[i], &f.attention, &plan, &error) == RAPT_UNSUPPORTED &&
              !strcmp(error.message, text),
          "plan: '%s'", error.message);
    error.message[0] = 0;
    CHECK(rapt_run_call(f.context, wrong[i], &f.attention, &error) == RAPT_UNSUPPORTED && !strcmp(error.message, text),
          "run: '%s'", error.message);
    CHECK(rapt_operation_of(wrong[i]) == NULL, "operation %d has a table", wrong[i]);
  }
}

// What holds is ignored: the same result as rapt_run_call's.
static void test_held(void) {
  rapt_error error = {.struct_size = sizeof error};
  const void *const h = NULL, *const m = f.query;
  for (int32_t n = 0; n < RAPT_OPERATIONS; n++) {
    make_valid(n, call);
    CHECK(rapt_run_held(f.context, n, call, &error) == RAPT_OK, "held, operation %d: %s", n, error.message);
    CHECK(rapt_run_held(f.context, n, call, &error, m, h, m, h, h, h, h, h, h, h, h, h, h, h, h, h, h, h, h, h, h, h, h,
                        m) == RAPT_OK,
          "held, operation %d: %s", n, error.message);
  }
  CHECK(rapt_run_held(f.context, RAPT_OPERATIONS, &f.attention, NULL, h) == RAPT_UNSUPPORTED, "held, operation %d",
        RAPT_OPERATIONS);
}

int main(void) {
  check_start();
  fixture_open(&f);
  for (number = 0; number < RAPT_OPERATIONS; number++) {
    operation = rapt_operation_of(number);
    test_operation();
  }
  fixture_reset(&f);
  test_numbers();
  test_held();
  fixture_close(&f);
  return check_finish("operands_test");
}
