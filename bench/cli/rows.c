// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "machine.h"
#include "memory.h"
#include "report.h"
#include "storage.h"

enum { MOST_COPIES = 1024, CHECKED_ROWS = 64, INPUT = 0, RESIDUAL = 1, OUTPUT = 2 };

typedef struct running {
  const rows_operation *operation;
  rows *rows;
} running;

double rows_at(const rows *r, const rapt_tensor *t, int64_t row, int64_t feature) {
  return (double)storage_load(t->data, row * r->problem->features + feature, t->dtype);
}

int rows_fit(const rows_problem *p) { return (double)p->rows * (double)p->features <= 0x1p38; }

static double tensors(const rows_problem *p) { return p->residual ? 3 : 2; }

static int64_t cold_copies(const rows *r) {
  double one = tensors(r->problem) * (double)r->bytes, wanted = 4 * (double)last_cache_bytes(r->on);
  int64_t copies = 1;
  if (r->problem->cached) return copies;
  while (copies < MOST_COPIES && (double)copies * one < wanted && (double)(copies + 1) * one <= 0x1p31) copies++;
  return copies;
}

static void close_rows(rows *r) {
  for (int i = 0; i < 3; i++) memory_give_back(r->memory[i], r->bytes * (size_t)r->copies);
  free(r->vectors);
}

static int open_rows(rows *r, const rows_problem *p, const device *on) {
  const int32_t dtype = dtype_values[p->dtype];
  const size_t count = (size_t)(p->rows * p->features), features = (size_t)p->features;
  const rapt_tensor rows_of = {.stride = {(int64_t)count, p->features, 1}, .dtype = dtype};
  const rapt_tensor vector = {.stride = {1}, .dtype = RAPT_F32};
  *r = (rows){.problem = p, .on = on, .bytes = count * storage_bytes(dtype)};
  r->copies = cold_copies(r);
  r->vectors = malloc(2 * features * sizeof(float));
  int good = r->vectors != NULL;
  for (int i = 0; i < 3; i++) {
    if (i == RESIDUAL && !p->residual) continue;
    r->memory[i] = memory_take(r->bytes * (size_t)r->copies);
    good = good && r->memory[i] != NULL;
    if (!good) break;
    // Wide enough for the tails of an activation.
    if (i == OUTPUT) memory_touch(r->memory[i], r->bytes * (size_t)r->copies);
    if (i != OUTPUT) storage_fill_random(r->memory[i], count, (uint64_t)i + 1, 4, dtype);
    for (int64_t c = 1; c < r->copies; c++) memcpy(r->memory[i] + (size_t)c * r->bytes, r->memory[i], r->bytes);
  }
  if (!good) {
    cli_fail("no memory for %lld rows", (long long)p->rows);
    return 0;
  }
  storage_fill_random(r->vectors, 2 * features, 4, 1, RAPT_F32);
  r->input = r->output = rows_of;
  if (p->residual) r->residual = rows_of;
  r->weight = r->bias = vector;
  r->weight.data = r->vectors;
  r->bias.data = r->vectors + features;
  return 1;
}

static void take_turn(rows *r) {
  size_t offset = (size_t)(r->turn++ % r->copies) * r->bytes;
  r->input.data = r->memory[INPUT] + offset;
  r->output.data = r->memory[OUTPUT] + offset;
  if (r->problem->residual) r->residual.data = r->memory[RESIDUAL] + offset;
}

static int run(void *state) {
  running *s = state;
  rapt_error error = {.struct_size = sizeof error};
  take_turn(s->rows);
  if (s->operation->run(s->rows, &error) == RAPT_OK) return 1;
  cli_fail("%s", error.message);
  return 0;
}

// Against double arithmetic, on rows spread over all of them, the last one among them.
static int check_rows(const running *s, check *out) {
  const rows_problem *p = s->rows->problem;
  double *expected = malloc((size_t)p->features * sizeof *expected);
  *out = (check){.allowed = CHECK_ALLOWED, .rows_total = p->rows, .against = "plain double"};
  if (expected == NULL) {
    cli_fail("no memory to verify a row");
    return 0;
  }
  int64_t step = p->rows > CHECKED_ROWS ? p->rows / CHECKED_ROWS : 1;
  for (int64_t row = (p->rows - 1) % step; row < p->rows; row += step, out->rows++) {
    s->operation->expect(s->rows, row, expected);
    for (int64_t f = 0; f < p->features; f++) {
      check_note(out, rows_at(s->rows, &s->rows->output, row, f), expected[f], s->rows->output.dtype);
    }
  }
  free(expected);
  out->passed = out->difference <= out->allowed;
  if (!out->passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s, %.3g allowed", out->difference, out->against,
             out->allowed);
  }
  return out->passed;
}

static void print(const rows_operation *o, const rows_problem *p, const report *r, int json) {
  if (json) {
    json_begin(o->name);
    json_integer("rows", p->rows);
    json_integer("features", p->features);
    json_text("dtype", dtype_choices[p->dtype]);
    json_boolean("cached", p->cached);
    o->json(p);
    report_json(r);
    json_end();
    return;
  }
  printf("%-10s %lld rows of %lld %s%s\n", "shape", (long long)p->rows, (long long)p->features, dtype_choices[p->dtype],
         p->residual ? " and a residual" : "");
  report_print(r);
}

static int time_rows(const rows_operation *o, rows *r, const bench_settings *settings) {
  const rows_problem *p = r->problem;
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  double elements = (double)p->rows * (double)p->features;
  report result = {.on = r->on,
                   .plan = &plan,
                   .flops = o->flops * elements,
                   .bytes = tensors(p) * (double)r->bytes,
                   .from_cache = p->cached,
                   .copies = r->copies};
  running s = {.operation = o, .rows = r};
  take_turn(r);
  r->turn = 0;
  if (o->plan(r, &plan, &error) != RAPT_OK || !plan.supported) {
    cli_fail("%s%s", error.message, plan.reason);
    return 0;
  }
  // Ceilings on both sides of the timing, as for attention.
  int good = report_measure_copy(&result) && run(&s) && check_rows(&s, &result.verified) &&
             stats_time(run, &s, settings->iters, &result.time) && report_measure_copy(&result);
  if (good) print(o, p, &result, settings->json);
  return good;
}

int rows_time(const rows_operation *operation, const rows_problem *p, const bench_settings *settings) {
  device on;
  if (!device_open(settings->isa, settings->threads, &on)) return 0;
  rows r;
  int good = open_rows(&r, p, &on) && time_rows(operation, &r, settings);
  close_rows(&r);
  device_close(&on);
  return good;
}
