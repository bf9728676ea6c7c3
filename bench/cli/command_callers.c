// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "clock.h"
#include "commands.h"
#include "json.h"
#include "report.h"
#include "workload.h"

static bench_problem problem;
static bench_settings settings;
static int64_t caller_count = 16;
static const cli_option options[] = {
    PROBLEM_OPTIONS(&problem){"callers", "N", "threads that call at the same time (default 16)", CLI_INTEGER,
                              &caller_count, 1, 1024, NULL},
    SETTINGS_OPTIONS(&settings){.name = NULL}};
static const cli_command command = {"callers",
                                    "Times many callers on one context against one caller; defaults to the problem of "
                                    "the preset minilm. --iters: turns of each, of a tenth of a second.",
                                    options};

enum { DEFAULT_TURNS = 12 };
static const struct timespec TURN = {.tv_nsec = 100000000};

// Who calls: one caller on one thread, one caller on all, many callers on all.
enum { ALONE, HELPED, MANY, CONTENDERS };

typedef struct caller {
  // Callers are on cache lines of their own, also where lines are fetched in pairs.
  _Alignas(128) workload w;
  atomic_int *stop;
  int64_t calls;
  int good;
  pthread_t thread;
} caller;

static void *call_on(void *argument) {
  caller *c = argument;
  c->calls = 0;
  c->good = 1;
  while (c->good && !atomic_load_explicit(c->stop, memory_order_relaxed)) {
    c->good = workload_run(&c->w);
    c->calls++;
  }
  return NULL;
}

// Calls per second of all together; 0 and a line on stderr where one fails.
static double take_turn(caller *callers, int64_t count, const device *on) {
  atomic_int stop = 0;
  int64_t calls = 0, started = 0;
  int good = 1;
  double begin = clock_seconds();
  for (; started < count; started++) {
    callers[started].w.on = on;
    callers[started].stop = &stop;
    if (pthread_create(&callers[started].thread, NULL, call_on, &callers[started])) break;
  }
  nanosleep(&TURN, NULL);
  atomic_store(&stop, 1);
  for (int64_t i = 0; i < started; i++) {
    pthread_join(callers[i].thread, NULL);
    calls += callers[i].calls;
    good = good && callers[i].good;
  }
  double seconds = clock_seconds() - begin;
  if (started < count) {
    cli_fail("cannot start thread %lld", (long long)started);
    return 0;
  }
  return good ? (double)calls / seconds : 0;
}

static int compare_outputs(const caller *callers) {
  for (int64_t i = 1; i < caller_count; i++) {
    if (memcmp(callers[i].w.output, callers[0].w.output, callers[0].w.output_count * callers[0].w.width)) {
      cli_fail("wrong result: callers 0 and %lld computed different bits", (long long)i);
      return 0;
    }
  }
  return 1;
}

static int measure(caller *callers, const device *one, const device *all, stats *out) {
  int64_t turns = settings.iters ? settings.iters : DEFAULT_TURNS;
  double *rates = calloc((size_t)(turns * CONTENDERS), sizeof *rates);
  int good = rates != NULL;
  for (int64_t t = 0; t < turns && good; t++) {
    rates[ALONE * turns + t] = take_turn(callers, 1, one);
    rates[HELPED * turns + t] = take_turn(callers, 1, all);
    rates[MANY * turns + t] = take_turn(callers, caller_count, all);
    for (int c = 0; c < CONTENDERS; c++) good = good && rates[c * turns + t] > 0;
  }
  for (int c = 0; c < CONTENDERS && good; c++) out[c] = stats_of(rates + c * turns, turns);
  free(rates);
  return good && compare_outputs(callers);
}

static void print(const rapt_plan *plan, const device *all, const check *verified, const stats *rates) {
  double best = rates[ALONE].median > rates[HELPED].median ? rates[ALONE].median : rates[HELPED].median;
  double ratio = rates[MANY].median / best;
  if (settings.json) {
    json_begin("callers");
    report_json_problem(&problem);
    json_text("plan", plan->name);
    json_integer("threads", all->threads);
    json_integer("callers", caller_count);
    json_real("calls_per_second_alone_1_thread", rates[ALONE].median);
    json_real("calls_per_second_alone", rates[HELPED].median);
    json_real("calls_per_second", rates[MANY].median);
    json_real("of_best_single_caller", ratio);
    json_end();
    return;
  }
  char shape[160];
  problem_describe(&problem, shape, sizeof shape);
  printf("%-10s %s\n%-10s %s\n", "shape", shape, "plan", plan->name);
  check_print(verified);
  static const char *const who[] = {"1 caller, 1 thread", "1 caller", "callers"};
  for (int c = 0; c < CONTENDERS; c++) {
    printf("%-10s %.0f calls/s median; p10 %.0f, p90 %.0f; ", "rate", rates[c].median, rates[c].p10, rates[c].p90);
    if (c == MANY) printf("%lld ", (long long)caller_count);
    printf("%s", who[c]);
    if (c != ALONE) printf(", %d %s", all->threads, all->threads == 1 ? "thread" : "threads");
    printf("\n");
  }
  printf("%-10s %.1f %% of the best single caller\n", "ratio", 100 * ratio);
}

static int time_on(const device *one, const device *all) {
  rapt_plan plan = {.struct_size = sizeof plan};
  rapt_error error = {.struct_size = sizeof error};
  check verified;
  stats rates[CONTENDERS];
  caller *callers = aligned_alloc(_Alignof(caller), (size_t)caller_count * sizeof *callers);
  int good = callers != NULL;
  if (good) memset(callers, 0, (size_t)caller_count * sizeof *callers);
  for (int64_t i = 0; i < caller_count && good; i++) good = workload_open(&callers[i].w, &problem, 1);
  if (good && !(rapt_sdpa_plan(all->context, &callers[0].w.call, &plan, &error) == RAPT_OK && plan.supported)) {
    cli_fail("%s%s", error.message, plan.reason);
    good = 0;
  }
  if (good) callers[0].w.on = all;
  good = good && workload_run(&callers[0].w) && check_attention(&callers[0].w.call, all->isa, &verified);
  if (good && !verified.passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s", verified.difference, verified.against);
    good = 0;
  }
  good = good && measure(callers, one, all, rates);
  if (good) print(&plan, all, &verified, rates);
  for (int64_t i = 0; callers != NULL && i < caller_count; i++) workload_close(&callers[i].w);
  free(callers);
  return good ? EXIT_GOOD : EXIT_FAILED;
}

int command_callers(int argc, char **argv) {
  const bench_problem minilm = {1, 12, 0, 32, 0, 32, 0, CAUSAL_NONE, {-1, -1}, 0, 0};
  enum cli_outcome outcome = problem_parse(&command, argc, argv, &minilm, &problem, &settings);
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  device one, all;
  if (!device_open(settings.isa, 1, &one)) return EXIT_FAILED;
  int status = EXIT_FAILED;
  if (device_open(settings.isa, settings.threads, &all)) {
    status = time_on(&one, &all);
    device_close(&all);
  }
  device_close(&one);
  return status;
}
