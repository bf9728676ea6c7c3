// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "ceilings.h"
#include "commands.h"
#include "cuda.h"
#include "device.h"
#include "json.h"
#include "machine.h"
#include "problem.h"
#include "reader.h"

static int64_t threads;
static int isa;
static int json;
static int in_turns;
static int device_kind;
static const cli_option options[] = {
    {"threads", "N", "threads, 0 = one line for one thread and one for all (default 0)", CLI_INTEGER, &threads, 0, 1024,
     NULL},
    {"isa", "TIER", "auto, portable, avx2, avx512 or avx512bf16 (default auto)", CLI_CHOICE, &isa, -1, 0, isa_choices},
    {"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &json, 0, 0, NULL},
    {"in-turns", NULL, "then read once more for each line of standard input; with --json and --threads", CLI_FLAG,
     &in_turns, 0, 0, NULL},
    DEVICE_OPTION(&device_kind){.name = NULL}};
static const cli_command command = {
    "ceilings",
    "Measures the f32 multiply-add peak and the read bandwidth that kernels are compared with.\n"
    "Reading goes over a buffer of four times the last cache, by all threads at once, each with 1, 2 or 4 streams far\n"
    "apart; the fastest counts. What is bound by reading is timed in turns with it: its bytes, each counted once, and\n"
    "its share is the median over the turns.",
    options};

static int measure(int64_t count) {
  device on;
  if (!device_open(isa, count, &on)) return 0;
  ceilings c = {0};
  int good = ceilings_measure(on.isa, on.threads, &c);
  if (good && json) {
    json_begin("ceilings");
    machine_json();
    json_text("isa", rapt_isa_name(on.isa));
    json_integer("threads", c.threads);
    json_real("gflops", c.gflops);
    json_real("gbps", c.gbps);
    json_integer("read_streams", c.streams);
    json_integer("buffer_bytes", (int64_t)c.buffer_bytes);
    json_real("issue_rate", c.issue.median);
    json_real("issue_rate_p10", c.issue.low);
    json_real("issue_rate_p90", c.issue.high);
    json_text("core", issue_rate_word(&c.issue));
    json_end();
  } else if (good) {
    printf("%-8s %3d %-7s  %8.1f GFLOP/s f32 multiply-add, %7.2f GB/s read over %zu MiB, %d %s a thread\n",
           rapt_isa_name(on.isa), c.threads, c.threads == 1 ? "thread" : "threads", c.gflops, c.gbps,
           c.buffer_bytes >> 20, c.streams, c.streams == 1 ? "stream" : "streams");
    issue_rate_print(&c.issue);
  }
  device_close(&on);
  return good;
}

// One more reading per line, so that another program can take turns with it.
static int read_in_turns(void) {
  device on;
  if (!device_open(isa, threads, &on)) return 0;
  reader *r = reader_open(on.isa, on.threads);
  for (int c; r != NULL && (c = getchar()) != EOF;) {
    if (c != '\n') continue;
    double rates[READ_WAYS];
    // The first pass wakes threads and CPUs, which nothing timed has to.
    reader_pass(r, rates);
    reader_pass(r, rates);
    json_begin("reading");
    for (int way = 0; way < READ_WAYS; way++) {
      char name[32];
      snprintf(name, sizeof name, "gbps_%d", read_streams[way]);
      json_real(name, rates[way] * 1e-9);
    }
    json_end();
    fflush(stdout);
  }
  reader_close(r);
  device_close(&on);
  return r != NULL;
}

static int measure_cuda(void) {
  device on;
  if (!device_open_cuda(&on)) return 0;
  ceilings c = {0};
  int good = cuda_ceilings(&on, &c);
  if (good && json) {
    json_begin("ceilings");
    json_text("isa", device_name(&on));
    json_real("gbps", c.gbps);
    json_integer("buffer_bytes", (int64_t)c.buffer_bytes);
    json_end();
  } else if (good) {
    printf("%-8s %7.2f GB/s copied over %zu MiB, read and written bytes counted\n", device_name(&on), c.gbps,
           c.buffer_bytes >> 20);
  }
  device_close(&on);
  return good;
}

int command_ceilings(int argc, char **argv) {
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  if (outcome == CLI_RUN && in_turns && (!json || !threads || device_kind == DEVICE_CHOICE_CUDA)) {
    outcome = cli_reject(&command, "--in-turns needs --json and --threads, and reads on the CPU");
  }
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  if (device_kind == DEVICE_CHOICE_CUDA) return measure_cuda() ? EXIT_GOOD : EXIT_FAILED;
  if (!json) machine_print();
  if (in_turns) return measure(threads) && !fflush(stdout) && read_in_turns() ? EXIT_GOOD : EXIT_FAILED;
  if (threads) return measure(threads) ? EXIT_GOOD : EXIT_FAILED;
  rapt_capabilities capabilities = {.struct_size = sizeof capabilities};
  rapt_error error = {.struct_size = sizeof error};
  if (rapt_get_capabilities(&capabilities, &error) != RAPT_OK) return cli_fail("%s", error.message);
  int good = measure(1) && (capabilities.logical_cpus < 2 || measure(0));
  return good ? EXIT_GOOD : EXIT_FAILED;
}
