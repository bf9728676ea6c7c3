// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "cuda.h"
#include "json.h"
#include "layer.h"
#include "report.h"
#include "storage.h"

static bench_problem problem;
static bench_settings settings;
static int64_t embed;
static int device_kind;
static const cli_option options[] = {
    PROBLEM_OPTIONS(&problem){"embed", "N", "width of input and output (default: heads x head-dim)", CLI_INTEGER,
                              &embed, 1, 65536, NULL},
    SETTINGS_OPTIONS(&settings) DEVICE_OPTION(&device_kind){.name = NULL}};
static const cli_command command = {
    "mha", "Times multi-head attention with its four projections; defaults to a layer of BERT-base.", options};

typedef struct job {
  const device *on;
  rapt_mha call;
} job;

static int run(void *job_state) {
  job *j = job_state;
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_mha_run(j->on->context, &j->call, &error) != RAPT_OK) {
    cli_fail("%s", error.message);
    return 0;
  }
  return 1;
}

// Rows of the first sequence's start and of the last one's end, once more on the portable tier.
enum { CHECKED_ROWS = 32 };

static int check_rows(const layer *portable_layer, const device *portable, const layer_data *data, int last,
                      float *expected, check *out) {
  int64_t rows = problem.q_len < CHECKED_ROWS ? problem.q_len : CHECKED_ROWS;
  int64_t batch = last ? problem.batch - 1 : 0, first = last ? problem.q_len - rows : 0;
  job j = {.on = portable, .call = layer_call(portable_layer, data, &problem)};
  j.call.batch = 1;
  j.call.query_len = rows;
  j.call.options.position += first;
  int64_t start = (batch * problem.q_len + first) * embed;
  j.call.query.data = (char *)data->query + start * (int64_t)data->width;
  j.call.key.data = (char *)data->memory + batch * problem.kv_len * embed * (int64_t)data->width;
  j.call.value.data = j.call.key.data;
  j.call.output.data = expected;
  j.call.output.dtype = RAPT_F32;
  if (!run(&j)) return 0;
  for (int64_t i = 0; i < rows * embed; i++) {
    check_note(out, (double)storage_load(data->output, start + i, data->dtype), (double)expected[i], data->dtype);
  }
  out->rows += rows;
  return 1;
}

static int check_layer(const device *on, const layer_data *data, check *out) {
  *out = (check){.allowed = CHECK_ALLOWED, .rows_total = problem.batch * problem.q_len, .against = "the portable tier"};
  device portable;
  layer l = {0};
  float *expected = malloc((size_t)(CHECKED_ROWS * embed) * sizeof(float));
  if (expected == NULL) {
    cli_fail("no memory to verify %d rows", CHECKED_ROWS);
    return 0;
  }
  int good = device_open(RAPT_ISA_PORTABLE, 0, &portable);
  good = good && layer_open(&l, data, &portable) && check_rows(&l, &portable, data, 0, expected, out);
  if (problem.batch > 1 || problem.q_len > CHECKED_ROWS) {
    good = good && check_rows(&l, &portable, data, 1, expected, out);
  }
  out->passed = good && out->difference <= out->allowed;
  if (good && on->cuda) cuda_allow_rounded_steps(out, data->dtype);
  if (good && !out->passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s, %.3g allowed", out->difference, out->against,
             out->allowed);
  }
  layer_close(&l);
  device_close(&portable);
  free(expected);
  return out->passed;
}

static void print(const report *r) {
  if (settings.json) {
    json_begin("mha");
    report_json_problem(&problem);
    json_integer("embed", embed);
    report_json(r);
    json_end();
    return;
  }
  char shape[160];
  problem_describe(&problem, shape, sizeof shape);
  printf("%-10s %s E%lld\n", "shape", shape, (long long)embed);
  report_print(r);
}

static int time_layer(job *j, stats *out) {
  cuda_call call = {.on = j->on, .stream = &j->call.head.stream, .run = run, .state = j};
  return j->on->cuda ? cuda_time(&call, settings.iters, out) : stats_time(run, j, settings.iters, out);
}

static int time_on(const device *on, const layer_data *data, const layer *l) {
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  report r = {.on = on,
              .plan = &plan,
              .flops = layer_flops(&problem, embed),
              .bytes = layer_bytes(&problem, embed),
              .copies = 1};
  job j = {.on = on, .call = layer_call(l, data, &problem)};
  if (rapt_mha_plan(on->context, &j.call, &plan, &error) != RAPT_OK || !plan.supported) {
    cli_fail("%s%s", error.message, plan.reason);
    return 0;
  }
  int good = report_measure_ceilings(&r) && run(&j) && layer_fetch(l, data) && check_layer(on, data, &r.verified) &&
             time_layer(&j, &r.time) && report_measure_ceilings(&r);
  if (good) print(&r);
  return good;
}

int command_mha(int argc, char **argv) {
  const bench_problem start = {1, 12, 0, 512, 0, 64, 0, CAUSAL_NONE, {-1, -1}, 0, 0};
  enum cli_outcome outcome = problem_parse(&command, argc, argv, &start, &problem, &settings);
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  embed = embed ? embed : problem.heads * problem.head_dim;
  device on;
  int open =
      device_kind == DEVICE_CHOICE_CUDA ? device_open_cuda(&on) : device_open(settings.isa, settings.threads, &on);
  if (!open) return EXIT_FAILED;
  layer_data data;
  layer l = {0};
  int good = layer_data_open(&data, &problem, embed);
  if (good) {
    good = layer_open(&l, &data, &on) && time_on(&on, &data, &l);
    layer_close(&l);
    layer_data_close(&data);
  }
  device_close(&on);
  return good ? EXIT_GOOD : EXIT_FAILED;
}
