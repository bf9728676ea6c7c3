// SPDX-License-Identifier: Apache-2.0
// Times merging partial results: every byte is moved once, so the bandwidth of a copy is the ceiling.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ceilings.h"
#include "commands.h"
#include "cuda.h"
#include "json.h"
#include "machine.h"
#include "memory.h"
#include "problem.h"
#include "report.h"
#include "storage.h"

enum { MOST_COPIES = 64, CHECKED_ROWS = 64 };

static struct {
  int64_t parts, batch, heads, query_len, value_dim;
  int dtype;
} problem;
static bench_settings settings;
static int device_kind;
// clang-format off
static const cli_option options[] = {
    {"parts", "N", "partial results of each row (default 8)", CLI_INTEGER, &problem.parts, 1, 65536, NULL},
    {"batch", "N", "sequences (default 16)", CLI_INTEGER, &problem.batch, 1, PROBLEM_MAX_SIZE, NULL},
    {"heads", "N", "heads (default 32)", CLI_INTEGER, &problem.heads, 1, PROBLEM_MAX_SIZE, NULL},
    {"q-len", "N", "queries per sequence (default 1)", CLI_INTEGER, &problem.query_len, 1, PROBLEM_MAX_SIZE, NULL},
    {"value-dim", "N", "width of a row (default 128)", CLI_INTEGER, &problem.value_dim, 1, 1024, NULL},
    {"dtype", "TYPE", "storage: f32, f16 or bf16; arithmetic and LSE are f32 (default f32)", CLI_CHOICE,
     &problem.dtype, -1, 0, dtype_choices},
    {"threads", "N", "threads, 0 = all (default 0)", CLI_INTEGER, &settings.threads, 0, 1024, NULL},
    {"isa", "TIER", "auto, portable, avx2, avx512 or avx512bf16 (default auto)", CLI_CHOICE, &settings.isa, -1, 0, isa_choices},
    {"iters", "N", "timed runs (default: about a second's worth)", CLI_INTEGER, &settings.iters, 1, 10000000, NULL},
    {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &settings.json, 0, 0, NULL},
    DEVICE_OPTION(&device_kind){.name = NULL}};
// clang-format on
static const cli_command command = {
    "merge", "Times merging partial results of attention against the bandwidth of a copy.", options};

// Several copies of the partial results, so that they do not stay in a cache; LSE and output are small beside them.
typedef struct merging {
  rapt_merge call;
  const device *on;
  // On the host.
  void *partial;
  float *lse;
  void *output;
  size_t bytes, lse_bytes, output_bytes;
  int64_t copies, turn;
  // Where the device reads and writes.
  unsigned char *partial_at;
} merging;

static double row_count(void) { return (double)problem.batch * (double)problem.heads * (double)problem.query_len; }

static double bytes_moved(void) {
  double width = (double)storage_bytes(dtype_values[problem.dtype]), row = (double)problem.value_dim * width;
  return row_count() * ((double)problem.parts * (row + sizeof(float)) + row + sizeof(float));
}

// Copies of the host's memory where the device is a GPU.
static void *on_device(const merging *m, void *data, size_t bytes) {
  return m->on->cuda ? cuda_copy_of(m->on, data, bytes) : data;
}

static void close_merging(merging *m) {
  if (m->on->cuda) {
    cuda_give_back(m->on, m->partial_at);
    cuda_give_back(m->on, m->call.partial_lse.data);
    cuda_give_back(m->on, m->call.output.data);
  }
  memory_give_back(m->partial, m->bytes * (size_t)m->copies);
  free(m->lse);
  memory_give_back(m->output, m->output_bytes);
}

static int open_merging(merging *m, const device *on) {
  int32_t dtype = dtype_values[problem.dtype];
  int64_t dim = problem.value_dim, rows = problem.batch * problem.heads * problem.query_len;
  int64_t head = problem.query_len * dim, sample = problem.heads * head;
  *m = (merging){.on = on,
                 .bytes = (size_t)(problem.parts * rows * dim) * storage_bytes(dtype),
                 .lse_bytes = (size_t)(problem.parts * rows) * sizeof(float),
                 .output_bytes = (size_t)(rows * dim) * storage_bytes(dtype),
                 .copies = 1};
  while (m->copies < MOST_COPIES && (double)m->copies * (double)m->bytes < 4 * (double)last_cache_bytes(on) &&
         (double)(m->copies + 1) * (double)m->bytes <= 0x1p31) {
    m->copies++;
  }
  m->partial = memory_take(m->bytes * (size_t)m->copies);
  m->lse = malloc(m->lse_bytes);
  m->output = memory_take(m->output_bytes);
  if (m->partial == NULL || m->lse == NULL || m->output == NULL) {
    cli_fail("no memory for partial results");
    return 0;
  }
  storage_fill_random(m->partial, (size_t)(problem.parts * rows * dim), 1, 1, dtype);
  for (int64_t c = 1; c < m->copies; c++) memcpy((char *)m->partial + (size_t)c * m->bytes, m->partial, m->bytes);
  storage_fill_random(m->lse, (size_t)(problem.parts * rows), 2, 8, RAPT_F32);
  m->partial_at = on_device(m, m->partial, m->bytes * (size_t)m->copies);
  m->call =
      (rapt_merge){.head = {.struct_size = sizeof m->call},
                   .partial_output = {m->partial_at, {problem.batch * sample, sample, head, dim, 1}, .dtype = dtype},
                   .partial_lse = {on_device(m, m->lse, m->lse_bytes),
                                   {rows, problem.heads * problem.query_len, problem.query_len, 1},
                                   .dtype = RAPT_F32},
                   .output = {on_device(m, m->output, m->output_bytes), {sample, head, dim, 1}, .dtype = dtype},
                   .parts = problem.parts,
                   .batch = problem.batch,
                   .heads = problem.heads,
                   .query_len = problem.query_len,
                   .value_dim = dim};
  return m->partial_at != NULL && m->call.partial_lse.data != NULL && m->call.output.data != NULL;
}

static int run_merging(void *state) {
  merging *m = state;
  rapt_error error = {.struct_size = sizeof error};
  m->call.partial_output.data = m->partial_at + (size_t)(m->turn++ % m->copies) * m->bytes;
  if (rapt_merge_run(m->on->context, &m->call, &error) == RAPT_OK) return 1;
  cli_fail("%s", error.message);
  return 0;
}

// Against double arithmetic, on rows spread over all of them.
static int check_merging(merging *m, check *out) {
  int64_t rows = problem.batch * problem.heads * problem.query_len, dim = problem.value_dim;
  int32_t dtype = m->call.output.dtype;
  *out = (check){.passed = 1, .allowed = CHECK_ALLOWED, .rows_total = rows, .against = "plain double"};
  if (m->on->cuda && !cuda_fetch(m->on, m->output, m->call.output.data, m->output_bytes)) return 0;
  int64_t step = rows / CHECKED_ROWS + 1;
  for (int64_t row = 0; row < rows; row += step, out->rows++) {
    double sum = 0;
    for (int64_t n = 0; n < problem.parts; n++) sum += exp((double)m->lse[n * rows + row]);
    for (int64_t v = 0; v < dim; v++) {
      double expected = 0;
      for (int64_t n = 0; n < problem.parts; n++) {
        expected += exp((double)m->lse[n * rows + row]) / sum *
                    (double)storage_load(m->partial, (n * rows + row) * dim + v, dtype);
      }
      check_note(out, (double)storage_load(m->output, row * dim + v, dtype), expected, dtype);
    }
  }
  return 1;
}

static void print(const report *r) {
  if (settings.json) {
    json_begin("merge");
    json_integer("parts", problem.parts);
    json_integer("batch", problem.batch);
    json_integer("heads", problem.heads);
    json_integer("q_len", problem.query_len);
    json_integer("value_dim", problem.value_dim);
    json_text("dtype", dtype_choices[problem.dtype]);
    report_json(r);
    json_end();
    return;
  }
  printf("%-10s N%lld B%lld H%lld Sq%lld Dv%lld\n", "shape", (long long)problem.parts, (long long)problem.batch,
         (long long)problem.heads, (long long)problem.query_len, (long long)problem.value_dim);
  report_print(r);
}

static int time_merging(merging *m, const device *on) {
  rapt_error error = {.struct_size = sizeof error};
  rapt_plan plan = {.struct_size = sizeof plan};
  report r = {.on = on,
              .plan = &plan,
              .flops = 2 * row_count() * (double)problem.parts * (double)problem.value_dim,
              .bytes = bytes_moved(),
              .copies = m->copies};
  if (rapt_merge_plan(on->context, &m->call, &plan, &error) != RAPT_OK || !plan.supported) {
    cli_fail("%s%s", error.message, plan.reason);
    return 0;
  }
  cuda_call call = {.on = on, .stream = &m->call.head.stream, .run = run_merging, .state = m};
  if (!measure_copy_on(on, &r.ceiling) || !run_merging(m) || !check_merging(m, &r.verified)) return 0;
  if (!r.verified.passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s, %.3g allowed", r.verified.difference,
             r.verified.against, r.verified.allowed);
    return 0;
  }
  int good = on->cuda ? cuda_time(&call, settings.iters, &r.time) : stats_time(run_merging, m, settings.iters, &r.time);
  // On both sides of the timing, as for attention.
  good = good && measure_copy_on(on, &r.ceiling);
  if (good) print(&r);
  return good;
}

int command_merge(int argc, char **argv) {
  problem.parts = 8, problem.batch = 16, problem.heads = 32, problem.query_len = 1, problem.value_dim = 128;
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  if (outcome == CLI_RUN && bytes_moved() > 0x1p40) {
    outcome = cli_reject(&command, "N%lld B%lld H%lld Sq%lld Dv%lld is more than memory can hold",
                         (long long)problem.parts, (long long)problem.batch, (long long)problem.heads,
                         (long long)problem.query_len, (long long)problem.value_dim);
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  device on;
  if (!(device_kind == DEVICE_CHOICE_CUDA ? device_open_cuda(&on) : device_open(settings.isa, settings.threads, &on))) {
    return EXIT_FAILED;
  }
  merging m;
  int good = open_merging(&m, &on) && time_merging(&m, &on);
  close_merging(&m);
  device_close(&on);
  return good ? EXIT_GOOD : EXIT_FAILED;
}
