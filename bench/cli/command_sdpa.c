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
static int64_t page_size;
static const cli_option options[] = {
    PROBLEM_OPTIONS(&problem) SETTINGS_OPTIONS(&settings) DEVICE_OPTION(&device_kind){
        "kv-dtype", "TYPE",
        "storage of keys and values: as-dtype, f32, f16, bf16 or i8 with a scale per row (default as-dtype)",
        CLI_CHOICE, &problem.kv_dtype, -1, 0, kv_dtype_choices},
    {"page-size", "N", "keys and values in pages of N rows in random order; N divides --kv-len (default: no pages)",
     CLI_INTEGER, &page_size, 1, PROBLEM_MAX_SIZE, NULL},
    {.name = NULL}};
static const cli_command sdpa = {
    "sdpa", "Times scaled dot-product attention; defaults to the shape of the preset bert-base.", options};

static int plan_of(const workload *w, rapt_plan *plan) {
  rapt_error error = {.struct_size = sizeof error};
  *plan = (rapt_plan){.struct_size = sizeof *plan};
  if (rapt_sdpa_plan(w->on->context, &w->call, plan, &error) != RAPT_OK) {
    cli_fail("%s", error.message);
    return 0;
  }
  if (!plan->supported) cli_fail("%s", plan->reason);
  return plan->supported;
}

// Whether the keys and values should come from memory: where reading them takes half as long as the arithmetic, as with
// int8, or longer. A decode step in a model finds them there, not in the cache of the step before.
static int from_memory(const report *r) { return report_is_memory_bound(r->flops, 2 * r->bytes, &r->ceiling); }

static int measure(workload *w, report *r) {
  if (!workload_run(w) || !workload_fetch(w) || !check_attention(&w->call, w->on->isa, &r->verified)) return 0;
  if (w->on->cuda) cuda_allow_rounded_weights(&r->verified, w->call.value.dtype);
  if (!r->verified.passed) return 0;
  if (w->on->cuda) {
    cuda_call call = {.on = w->on, .stream = &w->call.head.stream, .run = workload_run, .state = w};
    return cuda_time(&call, settings.iters, &r->time);
  }
  if (!from_memory(r)) return stats_time(workload_run, w, settings.iters, &r->time);
  return report_time_in_turns(r, workload_run, w, settings.iters);
}

static int time_on(const device *on) {
  rapt_plan plan;
  report r = {.on = on, .plan = &plan, .flops = problem_flops(&problem), .bytes = problem_bytes(&problem)};
  if (!report_measure_ceilings(&r)) return EXIT_FAILED;
  r.copies = from_memory(&r) ? workload_cold_copies(&problem, r.on) : 1;
  workload w;
  if (!workload_open(&w, &problem, r.copies)) return EXIT_FAILED;
  int good = (page_size == 0 || workload_page(&w, page_size)) && workload_place(&w, on) && plan_of(&w, &plan) &&
             measure(&w, &r);
  workload_close(&w);
  // Ceilings on both sides of the timing, so that a slow moment before it does not flatter the share.
  good = good && report_measure_ceilings(&r);
  if (good && settings.json) {
    json_begin("sdpa");
    report_json_problem(&problem);
    if (page_size > 0) json_integer("page_size", page_size);
    report_json(&r);
    json_end();
  } else if (good) {
    char shape[160];
    problem_describe(&problem, shape, sizeof shape);
    printf("%-10s %s", "shape", shape);
    if (page_size > 0) printf(", pages of %lld", (long long)page_size);
    printf("\n");
    report_print(&r);
  } else if (r.verified.rows && !r.verified.passed) {
    cli_fail("wrong result, not timed: differs by %.3g from %s, %.3g allowed", r.verified.difference,
             r.verified.against, r.verified.allowed);
  }
  return good ? EXIT_GOOD : EXIT_FAILED;
}

int command_sdpa(int argc, char **argv) {
  const bench_problem initial = bench_presets[0].problem;
  // kv heads, keys and value width follow what the command line says about the others.
  bench_problem start = initial;
  start.kv_heads = start.kv_len = start.value_dim = 0;
  enum cli_outcome outcome = problem_parse(&sdpa, argc, argv, &start, &problem, &settings);
  if (outcome == CLI_RUN && page_size > 0 && problem.kv_len % page_size != 0) {
    outcome = cli_reject(&sdpa, "--page-size: %lld does not divide --kv-len %lld", (long long)page_size,
                         (long long)problem.kv_len);
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  device on;
  int open =
      device_kind == DEVICE_CHOICE_CUDA ? device_open_cuda(&on) : device_open(settings.isa, settings.threads, &on);
  if (!open) return EXIT_FAILED;
  int status = time_on(&on);
  device_close(&on);
  return status;
}
