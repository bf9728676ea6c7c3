// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "commands.h"
#include "cuda.h"
#include "json.h"
#include "report.h"
#include "workload.h"

static bench_problem problem;
static bench_settings settings;
static int device_kind;
static const cli_option options[] = {PROBLEM_OPTIONS(&problem) SETTINGS_OPTIONS(&settings)
                                         DEVICE_OPTION(&device_kind){.name = NULL}};
static const cli_command command = {
    "call",
    "Times the overhead of a call, by many runs of a tiny problem per timing; on a GPU, "
    "the time that enqueueing a call takes the caller.",
    options};

// Enough that the clock's own cost (some 20 ns) vanishes.
enum { CALLS_PER_SAMPLE = 1000 };

static int run_batch(void *workload_state) {
  int good = 1;
  for (int i = 0; i < CALLS_PER_SAMPLE && good; i++) good = workload_run(workload_state);
  return good;
}

// From the time of a batch to the time of a call.
static void divide(stats *time) {
  double *each[] = {&time->min, &time->p10, &time->median, &time->p90, &time->max};
  for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) *each[i] /= CALLS_PER_SAMPLE;
  time->count *= CALLS_PER_SAMPLE;
}

static int time_calls(workload *w, report *r) {
  if (w->on->cuda) {
    cuda_call call = {.on = w->on, .stream = &w->call.head.stream, .run = workload_run, .state = w};
    return cuda_time_enqueueing(&call, settings.iters, &r->time);
  }
  if (!stats_time(run_batch, w, settings.iters, &r->time)) return 0;
  divide(&r->time);
  return 1;
}

static int check_result(workload *w, report *r) {
  if (!workload_run(w) || !workload_fetch(w) || !check_attention(&w->call, w->on->isa, &r->verified)) return 0;
  if (w->on->cuda) cuda_allow_rounded_weights(&r->verified, w->call.value.dtype);
  if (!r->verified.passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s", r->verified.difference, r->verified.against);
  }
  return r->verified.passed;
}

static void print(const report *r) {
  if (settings.json) {
    json_begin("call");
    report_json_problem(&problem);
    json_real("median_ns", r->time.median * 1e9);
    report_json(r);
    json_end();
    return;
  }
  char shape[160];
  problem_describe(&problem, shape, sizeof shape);
  printf("%-10s %s\n%-10s %s", "shape", shape, "plan", r->plan->name);
  if (r->on->cuda) {
    printf("\n");
  } else {
    printf(", %d %s\n", r->on->threads, r->on->threads == 1 ? "thread" : "threads");
  }
  check_print(&r->verified);
  printf("%-10s %.1f ns median per call; p10 %.1f, p90 %.1f, min %.1f; %lld calls\n", "time", r->time.median * 1e9,
         r->time.p10 * 1e9, r->time.p90 * 1e9, r->time.min * 1e9, (long long)r->time.count);
}

static int time_on(const device *on) {
  workload w;
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  report r = {.on = on, .plan = &plan, .flops = problem_flops(&problem), .bytes = problem_bytes(&problem), .copies = 1};
  if (!workload_open(&w, &problem, 1)) return EXIT_FAILED;
  int good = workload_place(&w, on);
  if (good && (rapt_sdpa_plan(on->context, &w.call, &plan, &error) != RAPT_OK || !plan.supported)) {
    cli_fail("%s%s", error.message, plan.reason);
    good = 0;
  }
  good = good && check_result(&w, &r) && time_calls(&w, &r) && report_measure_ceilings(&r);
  if (good) print(&r);
  workload_close(&w);
  return good ? EXIT_GOOD : EXIT_FAILED;
}

int command_call(int argc, char **argv) {
  const bench_problem tiniest = {1, 1, 0, 1, 0, 1, 0, CAUSAL_NONE, {-1, -1}, 0, 0};
  enum cli_outcome outcome = problem_parse(&command, argc, argv, &tiniest, &problem, &settings);
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  device on;
  int open =
      device_kind == DEVICE_CHOICE_CUDA ? device_open_cuda(&on) : device_open(settings.isa, settings.threads, &on);
  if (!open) return EXIT_FAILED;
  int status = time_on(&on);
  device_close(&on);
  return status;
}
