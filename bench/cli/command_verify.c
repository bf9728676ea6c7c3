// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "check.h"
#include "commands.h"
#include "cuda.h"
#include "device.h"
#include "json.h"
#include "problem.h"
#include "workload.h"

static int64_t threads;
static int json;
static int device_kind;
static const cli_option options[] = {
    {"threads", "N", "threads, 0 = all (default 0)", CLI_INTEGER, &threads, 0, 1024, NULL},
    {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &json, 0, 0, NULL},
    DEVICE_OPTION(&device_kind){.name = NULL}};
static const cli_command command = {
    "verify", "Checks every usable tier against the portable one (and that one against double) on a few problems.",
    options};

// Prefill and decode, odd sizes, grouped heads, masks, 16-bit storage: a minute's look, not the test suite.
static const bench_problem problems[] = {
    {1, 12, 12, 512, 512, 64, 64, CAUSAL_NONE, {-1, -1}, 0, 0},
    {2, 8, 2, 257, 257, 128, 128, CAUSAL_BOTTOM_RIGHT, {-1, -1}, 0, 0},
    {1, 6, 3, 77, 401, 80, 40, CAUSAL_BOTTOM_RIGHT, {-1, -1}, 0, 0},
    {1, 4, 1, 300, 300, 59, 111, CAUSAL_TOP_LEFT, {64, 16}, 0, 0},
    {1, 32, 8, 1, 4096, 128, 128, CAUSAL_NONE, {-1, -1}, 0, 0},
    {1, 8, 2, 1, 1500, 128, 64, CAUSAL_NONE, {-1, -1}, 0, 4},
    {1, 4, 2, 70, 300, 64, 64, CAUSAL_BOTTOM_RIGHT, {-1, -1}, 1, 4},
    {3, 7, 1, 5, 1025, 33, 65, CAUSAL_BOTTOM_RIGHT, {511, 0}, 0, 0},
    {1, 1, 1, 1, 1, 1, 1, CAUSAL_NONE, {-1, -1}, 0, 0},
    {1, 1, 1, 9, 33, 1024, 1024, CAUSAL_NONE, {-1, -1}, 0, 0},
    {2, 6, 3, 130, 190, 72, 72, CAUSAL_BOTTOM_RIGHT, {-1, -1}, 1, 0},
    {1, 8, 2, 1, 2049, 128, 128, CAUSAL_NONE, {-1, -1}, 2, 0},
};

static void print(const device *on, const bench_problem *p, const check *c) {
  char shape[160];
  problem_describe(p, shape, sizeof shape);
  if (json) {
    json_begin("verify");
    json_text("isa", device_name(on));
    json_integer("threads", on->threads);
    json_text("shape", shape);
    json_text("verified_against", c->against);
    json_boolean("verified", c->passed);
    json_integer("verified_rows", c->rows);
    json_real("max_difference", c->difference);
    json_real("allowed", c->allowed);
    json_end();
  } else {
    printf("%-8s %-62s %s %s: %.2g (allowed %.2g)\n", device_name(on), shape,
           c->passed ? "agrees with" : "WRONG:", c->against, c->difference, c->allowed);
  }
}

// -1 where the comparison could not be made, else whether it passed.
static int verify(const device *on, const bench_problem *p) {
  workload w;
  check c = {0};
  if (!workload_open(&w, p, 1)) return -1;
  int made = workload_place(&w, on) && workload_run(&w) && workload_fetch(&w) && check_attention(&w.call, on->isa, &c);
  if (made) {
    if (on->cuda) cuda_allow_rounded_weights(&c, w.call.value.dtype);
    print(on, p, &c);
  }
  workload_close(&w);
  return made ? c.passed : -1;
}

static int verify_all(const device *on) {
  int status = EXIT_GOOD;
  for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
    status = verify(on, &problems[i]) == 1 ? status : EXIT_FAILED;
  }
  return status;
}

static int verify_cuda(void) {
  device on;
  if (!device_open_cuda(&on)) return EXIT_FAILED;
  int status = verify_all(&on);
  device_close(&on);
  return status;
}

int command_verify(int argc, char **argv) {
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  if (device_kind == DEVICE_CHOICE_CUDA) return verify_cuda();
  int status = EXIT_GOOD;
  for (int32_t isa = RAPT_ISA_PORTABLE; isa <= RAPT_ISA_AVX512BF16; isa++) {
    const char *reason = rapt_isa_unusable(isa);
    if (reason != NULL) {
      if (!json) printf("%-10s left out: %s\n", rapt_isa_name(isa), reason);
      continue;
    }
    device on;
    if (!device_open(isa, threads, &on)) return EXIT_FAILED;
    status = verify_all(&on) == EXIT_GOOD ? status : EXIT_FAILED;
    device_close(&on);
  }
  return status;
}
