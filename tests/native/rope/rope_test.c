// SPDX-License-Identifier: Apache-2.0
// Rotary embedding on every tier, between guard pages. The oracle is exact: both products and their sum are rounded to
// f32, then to the output's storage, so every bit of a result that is a number is known.
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/contexts.h"
#include "support/guard.h"
#include "support/random.h"
#include "support/storage.h"

// table: 0 = cosines per token, else the rows of the table. In place: 1 = output is input. The output's layout is
// `shift` after the input's.
typedef struct rope_case {
  int64_t batch, heads, length, head_dim, rotary_dim, interleaved, table;
  int64_t layout, angle_layout, in_dtype, out_dtype, angle_dtype, in_place, special, guard, seed, shift;
} rope_case;

enum { CASE_FIELDS = sizeof(rope_case) / sizeof(int64_t), LAYOUTS = 6, ANGLE_LAYOUTS = 5 };

typedef struct rope_tensors {
  test_tensor input, output, cosine, sine, positions;
  // What the output must become, and the input as it was: dense.
  float *expected, *before;
} rope_tensors;

// Of (batch, heads, length, head_dim): 0 dense, 1 heads inside tokens, 2 padded, 3 elements apart, 4 reversed, 5 the
// heads shared (input only).
static void row_strides(const rope_case *c, int is_output, int64_t stride[4]) {
  int64_t h = c->heads, s = c->length, d = c->head_dim;
  const int64_t layouts[LAYOUTS][4] = {
      {h * s * d, s * d, d, 1}, {s * h * d, d, h * d, 1},     {h * s * (d + 3) + 7, s * (d + 3), d + 3, 1},
      {h * s * d, s * d, 1, s}, {-h * s * d, -s * d, -d, -1}, {s * d, 0, d, 1},
  };
  memcpy(stride, layouts[is_output ? (c->layout + c->shift) % (LAYOUTS - 1) : c->layout], sizeof layouts[0]);
}

// Of (batch, length, pairs), or (rows, pairs) in the last two: 0 dense, 1 padded, 2 elements apart, 3 reversed, 4 one
// row for all.
static void angle_strides(const rope_case *c, int64_t rows, int64_t pairs, int64_t stride[3]) {
  const int64_t layouts[ANGLE_LAYOUTS][3] = {
      {rows * pairs, pairs, 1},
      {rows * (pairs + 5), pairs + 5, 1},
      {rows * pairs, 1, rows},
      {-rows * pairs, -pairs, -1},
      {0, 0, 1},
  };
  memcpy(stride, layouts[c->angle_layout], sizeof layouts[0]);
}

static float some_number(random_state *r, int64_t special) {
  static const float odd[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 1e-40f, 3e38f};
  if (special && random_percent(r, 20)) return odd[random_between(r, 0, 6)];
  return 3 * random_unit(r);
}

static void fill(test_tensor *t, int64_t special, random_state *r) {
  for (int64_t i = 0; i < t->size[0]; i++) {
    for (int64_t j = 0; j < t->size[1]; j++) {
      for (int64_t k = 0; k < t->size[2]; k++) {
        for (int64_t l = 0; l < t->size[3]; l++) {
          storage_set(t->tensor.data, t->tensor.dtype, tensor_index(&t->tensor, i, j, k, l), some_number(r, special));
        }
      }
    }
  }
}

static int64_t position_at(const rope_tensors *t, int64_t b, int64_t s) {
  const rapt_tensor *p = &t->positions.tensor;
  int64_t at = tensor_index(p, b, s, 0, 0);
  return p->dtype == RAPT_I32 ? ((const int32_t *)p->data)[at] : ((const int64_t *)p->data)[at];
}

static void set_position(rope_tensors *t, int64_t b, int64_t s, int64_t position) {
  const rapt_tensor *p = &t->positions.tensor;
  int64_t at = tensor_index(p, b, s, 0, 0);
  if (p->dtype == RAPT_I32) {
    ((int32_t *)p->data)[at] = (int32_t)position;
  } else {
    ((int64_t *)p->data)[at] = position;
  }
}

static void build(const rope_case *c, rope_tensors *t, rapt_rope *call) {
  random_state r = {(uint64_t)c->seed};
  int64_t pairs = (c->rotary_dim ? c->rotary_dim : c->head_dim) / 2, stride[4];
  int64_t size[4] = {c->batch, c->heads, c->length, c->head_dim}, tokens[3] = {c->batch, c->length, pairs};
  int side = (int)c->guard;
  row_strides(c, (int)c->in_place, stride);
  test_tensor_place(&t->input, (int32_t)c->in_dtype, 4, size, stride, side);
  if (!c->in_place) {
    row_strides(c, 1, stride);
    test_tensor_place(&t->output, (int32_t)c->out_dtype, 4, size, stride, side);
  }
  test_tensor *angles[2] = {&t->cosine, &t->sine};
  for (int i = 0; i < 2; i++) {
    int64_t rows[2] = {c->table, pairs};
    angle_strides(c, c->table ? c->table : c->length, pairs, stride);
    if (c->table) {
      test_tensor_place(angles[i], (int32_t)c->angle_dtype, 2, rows, stride + 1, side);
    } else {
      test_tensor_place(angles[i], (int32_t)c->angle_dtype, 3, tokens, stride, side);
    }
    fill(angles[i], c->special, &r);
  }
  test_tensor_clear(&t->positions);
  if (c->table) {
    // Dense, reversed, transposed, and one row of positions for the whole batch.
    const int64_t steps[4][2] = {{c->length, 1}, {-c->length, -1}, {1, c->batch}, {0, 1}};
    test_tensor_place(&t->positions, c->seed & 4 ? RAPT_I32 : RAPT_I64, 2, tokens, steps[c->seed & 3], side);
    for (int64_t b = 0; b < c->batch; b++) {
      for (int64_t s = 0; s < c->length; s++) set_position(t, b, s, random_between(&r, 0, c->table - 1));
    }
  }
  fill(&t->input, c->special, &r);
  *call = (rapt_rope){.head = {.struct_size = sizeof *call},
                      .input = t->input.tensor,
                      .output = c->in_place ? t->input.tensor : t->output.tensor,
                      .cosine = t->cosine.tensor,
                      .sine = t->sine.tensor,
                      .positions = t->positions.tensor,
                      .batch = c->batch,
                      .heads = c->heads,
                      .length = c->length,
                      .head_dim = c->head_dim,
                      .rotary_dim = c->rotary_dim,
                      .table_length = c->table,
                      .flags = c->interleaved ? RAPT_ROPE_INTERLEAVED : 0};
}

static float product(float a, float b) { return (float)((double)a * (double)b); }
static float sum(float a, float b) { return (float)((double)a + (double)b); }

static float as_stored(int32_t dtype, float x) {
  float element;
  storage_set(&element, dtype, 0, x);
  return storage_get(&element, dtype, 0);
}

// Fills `before` and `expected` from the call's tensors.
static void compute(const rapt_rope *call, rope_tensors *t) {
  int64_t d = call->head_dim, rotary = call->rotary_dim ? call->rotary_dim : d, pairs = rotary / 2, at = 0;
  size_t count = (size_t)(call->batch * call->heads * call->length * d) + 1;
  t->expected = malloc(count * sizeof(float));
  t->before = malloc(count * sizeof(float));
  if (t->expected == NULL || t->before == NULL) check_abort("the test cannot allocate its oracle");
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->heads; h++) {
      for (int64_t s = 0; s < call->length; s++, at += d) {
        int64_t row = tensor_index(&call->cosine, b, s, 0, 0), sine_row = tensor_index(&call->sine, b, s, 0, 0);
        int64_t step = call->cosine.stride[2], sine_step = call->sine.stride[2];
        if (call->table_length) {
          row = position_at(t, b, s) * call->cosine.stride[0];
          sine_row = position_at(t, b, s) * call->sine.stride[0];
          step = call->cosine.stride[1];
          sine_step = call->sine.stride[1];
        }
        float *in = t->before + at, *out = t->expected + at;
        for (int64_t i = 0; i < d; i++) {
          in[i] = out[i] = storage_get(call->input.data, call->input.dtype, tensor_index(&call->input, b, h, s, i));
        }
        for (int64_t i = 0; i < pairs; i++) {
          int64_t first = call->flags ? 2 * i : i, second = call->flags ? 2 * i + 1 : i + pairs;
          float cosine = storage_get(call->cosine.data, call->cosine.dtype, row + i * step);
          float sine = storage_get(call->sine.data, call->sine.dtype, sine_row + i * sine_step);
          out[first] = sum(product(cosine, in[first]), -product(sine, in[second]));
          out[second] = sum(product(sine, in[first]), product(cosine, in[second]));
        }
        for (int64_t i = 0; i < d; i++) out[i] = as_stored(call->output.dtype, out[i]);
      }
    }
  }
}

// Same number, or both not one; -0 is not +0.
static int same(float a, float b) { return isnan(a) ? isnan(b) : !memcmp(&a, &b, sizeof a); }

static void compare(const char *where, const rapt_rope *call, const float *expected) {
  int64_t at = 0, bad = 0, first_bad = 0;
  float got = 0, wanted = 0;
  for (int64_t b = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->heads; h++) {
      for (int64_t s = 0; s < call->length; s++) {
        for (int64_t i = 0; i < call->head_dim; i++, at++) {
          float o = storage_get(call->output.data, call->output.dtype, tensor_index(&call->output, b, h, s, i));
          if (!same(expected[at], o) && bad++ == 0) {
            first_bad = at;
            got = o;
            wanted = expected[at];
          }
        }
      }
    }
  }
  CHECK(bad == 0, "%s: %lld of %lld elements; the first at %lld: expected %a, got %a", where, (long long)bad,
        (long long)at, (long long)first_bad, (double)wanted, (double)got);
}

static void restore(const rapt_rope *call, const float *before) {
  for (int64_t b = 0, at = 0; b < call->batch; b++) {
    for (int64_t h = 0; h < call->heads; h++) {
      for (int64_t s = 0; s < call->length; s++) {
        for (int64_t i = 0; i < call->head_dim; i++, at++) {
          storage_set(call->input.data, call->input.dtype, tensor_index(&call->input, b, h, s, i), before[at]);
        }
      }
    }
  }
}

static void run_case(const rope_case *c) {
  static rope_tensors t;
  rapt_rope call;
  int64_t field[CASE_FIELDS];
  char text[512];
  int used = 0;
  memcpy(field, c, sizeof field);
  for (int i = 0; i < CASE_FIELDS; i++) {
    used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", i ? "," : "", (long long)field[i]);
  }
  check_set_case("rope_test %s", text);
  build(c, &t, &call);
  compute(&call, &t);
  int tier_count;
  const tier *tiers = test_tiers(0, &tier_count);
  for (int i = 0; i < tier_count; i++) {
    for (int n = 0; n < THREAD_COUNTS; n++) {
      char where[64];
      snprintf(where, sizeof where, "%s with %d threads", rapt_isa_name(tiers[i].isa), (int)thread_counts[n]);
      if (c->in_place) {
        restore(&call, t.before);
      } else {
        test_tensor_wipe(&t.output);
      }
      rapt_error error = {.struct_size = sizeof error};
      rapt_plan plan = {.struct_size = sizeof plan};
      CHECK(rapt_rope_plan(tiers[i].context[n], &call, &plan, &error) == RAPT_OK && plan.supported == 1 &&
                plan.scratch_size == 0 && strstr(plan.name, "rope_") == plan.name,
            "%s: plan '%s': %s", where, plan.name, error.message);
      rapt_status status = rapt_rope_run(tiers[i].context[n], &call, &error);
      CHECK(status == RAPT_OK, "%s: run: %s", where, error.message);
      compare(where, &call, t.expected);
      CHECK(test_tensor_damage(c->in_place ? &t.input : &t.output) == 0, "%s: wrote between the elements", where);
    }
  }
  free(t.expected);
  free(t.before);
  check_set_case("%s", "");
}

static const int32_t storages[] = {RAPT_F32, RAPT_F16, RAPT_BF16};

static void run_sizes(void) {
  int64_t seed = 1;
  for (int64_t d = 2; d <= 140; d++) {
    for (int64_t interleaved = 0; interleaved < 2; interleaved++) {
      int32_t dtype = storages[d % 3];
      int64_t rotary = d % 2 ? d / 4 * 2 + 2 * (d < 4) : d / 2 % 2 ? 0 : d;
      run_case(&(rope_case){2, 3, 5, d, rotary, interleaved, d % 4 ? 9 : 0, 0, 0, dtype, dtype, storages[d / 3 % 3],
                            d / 2 % 2, 0, d % 2, seed++, 0});
    }
  }
  static const int64_t large[] = {256, 512, 576, 1022, 1023, 1024};
  for (int i = 0; i < 6; i++) {
    int64_t even = large[i] / 2 * 2;
    run_case(
        &(rope_case){1, 2, 40, large[i], even, i % 2, 64, 1, i % 5, RAPT_F32, RAPT_F32, RAPT_F32, 0, 0, 0, seed++, 0});
    run_case(&(rope_case){1, 2, 9, large[i], 2 * i + 2, i % 2, 0, 1, i % 5, RAPT_F16, RAPT_F16, RAPT_BF16, 1, 0, 1,
                          seed++, 0});
  }
  // Enough for several threads; no tokens; one.
  run_case(&(rope_case){2, 4, 123, 128, 0, 0, 200, 0, 0, RAPT_F32, RAPT_F32, RAPT_F32, 0, 0, 0, seed++, 0});
  run_case(&(rope_case){1, 32, 130, 128, 64, 1, 200, 1, 1, RAPT_BF16, RAPT_BF16, RAPT_F32, 1, 0, 0, seed++, 0});
  run_case(&(rope_case){0, 3, 5, 64, 0, 0, 9, 0, 0, RAPT_F32, RAPT_F32, RAPT_F32, 0, 0, 0, seed++, 0});
  run_case(&(rope_case){2, 3, 0, 64, 0, 0, 0, 0, 0, RAPT_F32, RAPT_F32, RAPT_F32, 0, 0, 0, seed++, 0});
  run_case(&(rope_case){1, 1, 1, 2, 0, 0, 1, 0, 0, RAPT_F32, RAPT_F32, RAPT_F32, 0, 0, 0, seed++, 0});
}

static void run_layouts(void) {
  int64_t seed = 1000;
  for (int64_t layout = 0; layout < LAYOUTS; layout++) {
    for (int64_t angles = 0; angles < ANGLE_LAYOUTS; angles++) {
      for (int64_t variant = 0; variant < 8; variant++, seed++) {
        int64_t in_place = variant & 1, table = variant & 2 ? 11 : 0;
        if (in_place && layout == 5) continue;
        int32_t in = storages[seed % 3], out = in_place ? in : storages[seed / 3 % 3];
        run_case(&(rope_case){2, 3, 7, 50, 36, variant >> 2, table, layout, angles, in, out, storages[seed / 9 % 3],
                              in_place, 0, seed & 1, seed, in_place ? 0 : seed / 27});
      }
    }
  }
}

static void run_random(void) {
  random_state r = {9};
  for (int64_t i = 0; i < test_sweep(1000, 300, 150); i++) {
    rope_case c = {.batch = random_between(&r, 1, 3),
                   .heads = random_between(&r, 1, 6),
                   .length = random_between(&r, 1, 60),
                   .head_dim = random_between(&r, 2, 200),
                   .interleaved = random_between(&r, 0, 1),
                   .table = random_percent(&r, 50) ? random_between(&r, 1, 80) : 0,
                   .layout = random_between(&r, 0, LAYOUTS - 1),
                   .angle_layout = random_between(&r, 0, ANGLE_LAYOUTS - 1),
                   .in_dtype = storages[random_between(&r, 0, 2)],
                   .out_dtype = storages[random_between(&r, 0, 2)],
                   .angle_dtype = storages[random_between(&r, 0, 2)],
                   .special = random_percent(&r, 30),
                   .guard = random_between(&r, 0, 1),
                   .seed = 5000 + i};
    c.rotary_dim = 2 * random_between(&r, 1, c.head_dim / 2);
    c.in_place = c.layout != 5 && random_percent(&r, 40);
    c.out_dtype = c.in_place || random_percent(&r, 40) ? c.in_dtype : c.out_dtype;
    c.shift = c.in_place ? 0 : random_between(&r, 0, 4);
    run_case(&c);
  }
}

enum { CHANGING_TOKENS = 4096 };

typedef struct changing_positions {
  volatile int64_t position[CHANGING_TOKENS];
  atomic_int stop;
} changing_positions;

static void *change_positions(void *argument) {
  changing_positions *p = argument;
  for (int64_t i = 0; !atomic_load(&p->stop); i++) {
    p->position[i % CHANGING_TOKENS] = i / CHANGING_TOKENS % 16 == 0 ? INT64_C(1) << 40 : 0;
  }
  return NULL;
}

// Positions that another thread changes behind the check are the caller's mistake, but no reason to read anywhere.
static void run_changing_positions(void) {
  check_set_case("positions that change");
  static float input[CHANGING_TOKENS * 2], output[CHANGING_TOKENS * 2];
  static changing_positions positions;
  float cosine[1] = {1}, sine[1] = {0};
  rapt_rope call = {.head = {.struct_size = sizeof call},
                    .input = {.data = input, .stride = {0, 0, 2, 1}, .dtype = RAPT_F32},
                    .output = {.data = output, .stride = {0, 0, 2, 1}, .dtype = RAPT_F32},
                    .cosine = {.data = cosine, .stride = {1, 1}, .dtype = RAPT_F32},
                    .sine = {.data = sine, .stride = {1, 1}, .dtype = RAPT_F32},
                    .positions = {.data = (void *)positions.position, .stride = {0, 1}, .dtype = RAPT_I64},
                    .batch = 1,
                    .heads = 1,
                    .length = CHANGING_TOKENS,
                    .head_dim = 2,
                    .table_length = 1};
  rapt_context *context = NULL;
  rapt_error error = {.struct_size = sizeof error};
  CHECK(rapt_context_create(NULL, &context, &error) == RAPT_OK, "%s", error.message);
  pthread_t changer;
  CHECK(pthread_create(&changer, NULL, change_positions, &positions) == 0, "no thread");
  for (int i = 0; i < 10000; i++) {
    rapt_status status = rapt_rope_run(context, &call, &error);
    CHECK(status == RAPT_OK || status == RAPT_INVALID_ARGUMENT, "status %d: %s", status, error.message);
  }
  atomic_store(&positions.stop, 1);
  pthread_join(changer, NULL);
  rapt_context_destroy(context);
}

// rope_test ["batch,heads,...,seed"]: all cases, or the one that a failure has named.
int main(int argc, char **argv) {
  check_start();
  if (argc > 1) {
    int64_t field[CASE_FIELDS] = {0};
    char *at = argv[1];
    for (int i = 0; i < CASE_FIELDS; i++) {
      field[i] = strtoll(at, &at, 10);
      at += *at == ',';
    }
    rope_case c;
    memcpy(&c, field, sizeof c);
    run_case(&c);
  } else {
    run_sizes();
    run_layouts();
    run_random();
    run_changing_positions();
  }
  return check_finish("rope_test");
}
