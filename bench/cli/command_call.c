/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "commands.h"
#include "json.h"
#include "report.h"
#include "workload.h"

static bench_problem problem;
static bench_settings settings;
static const cli_option options[] = {PROBLEM_OPTIONS(&problem) SETTINGS_OPTIONS(&settings){.name = NULL}};
static const cli_command command = {
    "call", "Times the call itself: many runs of a tiny problem between two looks at the clock.", options};

/* Enough that the clock's own cost (some 20 ns) vanishes. */
enum { CALLS_PER_SAMPLE = 1000 };

static int run_batch(void *workload_state) {
  int good = 1;
  for (int i = 0; i < CALLS_PER_SAMPLE && good; i++) {
    good = workload_run(workload_state);
  }
  return good;
}

/* From the time of a batch to the time of a call. */
static void divide(stats *time) {
  double *each[] = {&time->min, &time->p10, &time->median, &time->p90, &time->max};
  for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
    *each[i] /= CALLS_PER_SAMPLE;
  }
  time->count *= CALLS_PER_SAMPLE;
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
  printf("%-10s %s\n%-10s %s, %d %s\n", "shape", shape, "plan", r->plan->name, r->on->threads,
         r->on->threads == 1 ? "thread" : "threads");
  check_print(&r->verified);
  printf("%-10s %.1f ns median per call; p10 %.1f, p90 %.1f, min %.1f; %lld calls\n", "time", r->time.median * 1e9,
         r->time.p10 * 1e9, r->time.p90 * 1e9, r->time.min * 1e9, (long long)r->time.count);
}

static int time_on(const device *on) {
  workload w;
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  report r = {.on = on, .plan = &plan, .flops = problem_flops(&problem), .bytes = problem_bytes(&problem), .copies = 1};
  if (!workload_open(&w, &problem, 1)) {
    return EXIT_FAILED;
  }
  w.on = on;
  int good = rapt_attention_plan(on->context, &w.call, &plan, &error) == RAPT_OK && plan.supported;
  if (!good) {
    cli_fail("%s%s", error.message, plan.reason);
  }
  good = good && run_batch(&w) && check_attention(&w.call, on->isa, &r.verified);
  if (good && !r.verified.passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s", r.verified.difference, r.verified.against);
    good = 0;
  }
  good =
      good && stats_time(run_batch, &w, settings.iters, &r.time) && ceilings_measure(on->isa, on->threads, &r.ceiling);
  if (good) {
    divide(&r.time);
    print(&r);
  }
  workload_close(&w);
  return good ? EXIT_GOOD : EXIT_FAILED;
}

int command_call(int argc, char **argv) {
  const bench_problem tiniest = {1, 1, 0, 1, 0, 1, 0, CAUSAL_NONE, {-1, -1}, 0};
  enum cli_outcome outcome = problem_parse(&command, argc, argv, &tiniest, &problem, &settings);
  if (outcome != CLI_RUN) {
    return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  }
  device on;
  if (!device_open(settings.isa, settings.threads, &on)) {
    return EXIT_FAILED;
  }
  int status = time_on(&on);
  device_close(&on);
  return status;
}
