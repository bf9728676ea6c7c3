// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "commands.h"
#include "cuda.h"
#include "json.h"
#include "problem.h"
#include "report.h"
#include "rotation.h"

static rotation_problem problem;
static bench_settings settings;
static int device_kind;
// clang-format off
static const cli_option options[] = {
    {"batch", "N", "sequences (default 1)", CLI_INTEGER, &problem.batch, 1, PROBLEM_MAX_SIZE, NULL},
    {"heads", "N", "heads (default 32)", CLI_INTEGER, &problem.heads, 1, PROBLEM_MAX_SIZE, NULL},
    {"length", "N", "tokens per sequence (default 2048)", CLI_INTEGER, &problem.length, 1, PROBLEM_MAX_SIZE, NULL},
    {"head-dim", "N", "width of a head (default 128)", CLI_INTEGER, &problem.head_dim, 2, 1024, NULL},
    {"rotary-dim", "N", "elements of a head that are rotated (default: all)", CLI_INTEGER, &problem.rotary_dim, 2, 1024, NULL},
    {"dtype", "TYPE", "storage: f32, f16 or bf16; arithmetic and angles are f32 (default f32)", CLI_CHOICE,
     &problem.dtype, -1, 0, dtype_choices},
    {"interleaved", NULL, "elements 2i and 2i + 1 form a pair", CLI_FLAG, &problem.interleaved, 0, 0, NULL},
    {"in-place", NULL, "the output is the input", CLI_FLAG, &problem.in_place, 0, 0, NULL},
    {"threads", "N", "threads, 0 = all (default 0)", CLI_INTEGER, &settings.threads, 0, 1024, NULL},
    {"isa", "TIER", "auto, portable, avx2, avx512 or avx512bf16 (default auto)", CLI_CHOICE, &settings.isa, -1, 0, isa_choices},
    {"iters", "N", "timed runs (default: about a second's worth)", CLI_INTEGER, &settings.iters, 1, 10000000, NULL},
    {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &settings.json, 0, 0, NULL},
    DEVICE_OPTION(&device_kind){.name = NULL}};
// clang-format on
static const cli_command command = {
    "rope", "Times rotary position embedding against the bandwidth of a copy; defaults to queries of Llama-3-8B.",
    options};

static int plan_of(const rotation *r, rapt_plan *plan) {
  rapt_error error = {.struct_size = sizeof error};
  *plan = (rapt_plan){.struct_size = sizeof *plan};
  if (rapt_rope_plan(r->on->context, &r->call, plan, &error) != RAPT_OK || !plan->supported) {
    cli_fail("%s%s", error.message, plan->reason);
    return 0;
  }
  return 1;
}

static void print(const report *r) {
  if (settings.json) {
    json_begin("rope");
    json_integer("batch", problem.batch);
    json_integer("heads", problem.heads);
    json_integer("length", problem.length);
    json_integer("head_dim", problem.head_dim);
    json_integer("rotary_dim", problem.rotary_dim ? problem.rotary_dim : problem.head_dim);
    json_text("dtype", dtype_choices[problem.dtype]);
    json_boolean("interleaved", problem.interleaved);
    json_boolean("in_place", problem.in_place);
    report_json(r);
    json_end();
    return;
  }
  printf("%-10s B%lld H%lld S%lld D%lld%s\n", "shape", (long long)problem.batch, (long long)problem.heads,
         (long long)problem.length, (long long)problem.head_dim, problem.in_place ? " in place" : "");
  report_print(r);
}

static int time_rows(rotation *rows, stats *out) {
  cuda_call call = {.on = rows->on, .stream = &rows->call.head.stream, .run = rotation_run, .state = rows};
  return rows->on->cuda ? cuda_time(&call, settings.iters, out) : stats_time(rotation_run, rows, settings.iters, out);
}

static int time_on(const device *on) {
  rapt_plan plan;
  report r = {.on = on,
              .plan = &plan,
              .flops = rotation_flops(&problem),
              .bytes = rotation_bytes(&problem),
              .copies = rotation_cold_copies(&problem, on)};
  rotation rows;
  if (!measure_copy_on(on, &r.ceiling) || !rotation_open(&rows, &problem, r.copies, on)) return 0;
  int good = plan_of(&rows, &plan) && rotation_run(&rows) && rotation_check(&rows, &r.verified);
  if (good && !r.verified.passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s, %.3g allowed", r.verified.difference,
             r.verified.against, r.verified.allowed);
    good = 0;
  }
  good = good && time_rows(&rows, &r.time);
  rotation_close(&rows);
  // On both sides of the timing, as for attention.
  good = good && measure_copy_on(on, &r.ceiling);
  if (good) print(&r);
  return good;
}

int command_rope(int argc, char **argv) {
  problem = (rotation_problem){.batch = 1, .heads = 32, .length = 2048, .head_dim = 128};
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  int64_t rotary = problem.rotary_dim ? problem.rotary_dim : problem.head_dim;
  if (outcome == CLI_RUN && (rotary > problem.head_dim || rotary % 2)) {
    outcome = cli_reject(&command, "--rotary-dim %lld is odd or beyond --head-dim %lld", (long long)rotary,
                         (long long)problem.head_dim);
  }
  double elements = (double)problem.batch * (double)problem.length * (double)problem.heads * (double)problem.head_dim;
  if (outcome == CLI_RUN && elements > 0x1p40) {
    outcome = cli_reject(&command, "B%lld H%lld S%lld D%lld is more than memory can hold", (long long)problem.batch,
                         (long long)problem.heads, (long long)problem.length, (long long)problem.head_dim);
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  device on;
  int open =
      device_kind == DEVICE_CHOICE_CUDA ? device_open_cuda(&on) : device_open(settings.isa, settings.threads, &on);
  int good = open && time_on(&on);
  if (open) device_close(&on);
  return good ? EXIT_GOOD : EXIT_FAILED;
}
