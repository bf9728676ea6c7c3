// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "cli.h"
#include "commands.h"
#include "rows.h"

// Of v_gelu in native/cpu/kernels/gelu.h, its exponential included.
static const double GELU_FLOPS = 53;

static rows_problem problem;
static bench_settings settings;
// clang-format off
static const cli_option options[] = {
    {"features", "N", "width of a row (default 1536)", CLI_INTEGER, &problem.features, 1, PROBLEM_MAX_SIZE, NULL},
    ROWS_OPTIONS(&problem, &settings)};
// clang-format on
static const cli_command command = {
    "gelu",
    "Times the activation GELU against the bandwidth of a copy and its 53 operations per element; defaults to a batch\n"
    "of all-MiniLM-L6-v2.",
    options};

static rapt_gelu call_of(const rows *r) {
  return (rapt_gelu){.head = {.struct_size = sizeof(rapt_gelu)},
                     .input = r->input,
                     .output = r->output,
                     .batch = 1,
                     .rows = problem.rows,
                     .features = problem.features};
}

static rapt_status plan(const rows *r, rapt_plan *out, rapt_error *error) {
  const rapt_gelu call = call_of(r);
  return rapt_gelu_plan(r->on->context, &call, out, error);
}

static rapt_status run(const rows *r, rapt_error *error) {
  const rapt_gelu call = call_of(r);
  return rapt_gelu_run(r->on->context, &call, error);
}

static void expect(const rows *r, int64_t row, double *out) {
  for (int64_t f = 0; f < problem.features; f++) {
    double x = rows_at(r, &r->input, row, f);
    out[f] = x / 2 * erfc(-x * sqrt(0.5));
  }
}

static void no_more_fields(const rows_problem *p) { (void)p; }

int command_gelu(int argc, char **argv) {
  problem = (rows_problem){.rows = 4096, .features = 1536};
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  if (outcome == CLI_RUN && !rows_fit(&problem)) {
    outcome = cli_reject(&command, "%lld rows of %lld are more than memory can hold", (long long)problem.rows,
                         (long long)problem.features);
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  const rows_operation gelu = {"gelu", GELU_FLOPS, plan, run, expect, no_more_fields};
  return rows_time(&gelu, &problem, &settings) ? EXIT_GOOD : EXIT_FAILED;
}
