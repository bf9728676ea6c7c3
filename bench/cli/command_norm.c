// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "cli.h"
#include "commands.h"
#include "json.h"
#include "rows.h"

// Of native/cpu/kernels/norm.h: the sum, the two moments and the last pass; a residual adds one.
static const double NORM_FLOPS = 10;
static const float EPSILON = 1e-12f;

static rows_problem problem;
static bench_settings settings;
// clang-format off
static const cli_option options[] = {
    {"features", "N", "width of a row (default 384)", CLI_INTEGER, &problem.features, 1, PROBLEM_MAX_SIZE, NULL},
    {"residual", NULL, "a residual is added first", CLI_FLAG, &problem.residual, 0, 0, NULL},
    ROWS_OPTIONS(&problem, &settings)};
// clang-format on
static const cli_command command = {
    "norm",
    "Times layer normalisation against the bandwidth of a copy and its 10 operations per element, 11 with a residual;\n"
    "defaults to a batch of all-MiniLM-L6-v2.",
    options};

static rapt_norm call_of(const rows *r) {
  return (rapt_norm){.head = {.struct_size = sizeof(rapt_norm)},
                     .input = r->input,
                     .residual = r->residual,
                     .weight = r->weight,
                     .bias = r->bias,
                     .output = r->output,
                     .batch = 1,
                     .rows = problem.rows,
                     .features = problem.features,
                     .epsilon = EPSILON};
}

static rapt_status plan(const rows *r, rapt_plan *out, rapt_error *error) {
  const rapt_norm call = call_of(r);
  return rapt_norm_plan(r->on->context, &call, out, error);
}

static rapt_status run(const rows *r, rapt_error *error) {
  const rapt_norm call = call_of(r);
  return rapt_norm_run(r->on->context, &call, error);
}

static double sum_at(const rows *r, int64_t row, int64_t f) {
  return rows_at(r, &r->input, row, f) + (problem.residual ? rows_at(r, &r->residual, row, f) : 0);
}

static void expect(const rows *r, int64_t row, double *out) {
  double mean = 0, variance = 0, features = (double)problem.features;
  for (int64_t f = 0; f < problem.features; f++) mean += sum_at(r, row, f) / features;
  for (int64_t f = 0; f < problem.features; f++) variance += pow(sum_at(r, row, f) - mean, 2) / features;
  for (int64_t f = 0; f < problem.features; f++) {
    out[f] = (sum_at(r, row, f) - mean) / sqrt(variance + (double)EPSILON) * rows_at(r, &r->weight, 0, f) +
             rows_at(r, &r->bias, 0, f);
  }
}

static void json_residual(const rows_problem *p) { json_boolean("residual", p->residual); }

int command_norm(int argc, char **argv) {
  problem = (rows_problem){.rows = 4096, .features = 384};
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  if (outcome == CLI_RUN && !rows_fit(&problem)) {
    outcome = cli_reject(&command, "%lld rows of %lld are more than memory can hold", (long long)problem.rows,
                         (long long)problem.features);
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  const rows_operation norm = {"norm", NORM_FLOPS + problem.residual, plan, run, expect, json_residual};
  return rows_time(&norm, &problem, &settings) ? EXIT_GOOD : EXIT_FAILED;
}
