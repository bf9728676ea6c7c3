// SPDX-License-Identifier: Apache-2.0
// Command line of the attention harness: all suites, one suite, or one replayed case.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdpa/sdpa_case.h"
#include "sdpa/sdpa_suites.h"
#include "support/check.h"
#include "support/contexts.h"

static const struct {
  const char *name;
  void (*run)(void);
} suites[] = {
    {"sizes", suite_sizes},       {"options", suite_options},     {"random", suite_random},
    {"layouts", suite_layouts},   {"guards", suite_guards},       {"decode", suite_decode},
    {"masks", suite_masks},       {"poison", suite_poison},       {"corners", suite_corners},
    {"extremes", suite_extremes}, {"quantised", suite_quantised}, {"positions", suite_positions},
    {"weights", suite_weights},   {"bf16", suite_bf16},
};
enum { SUITE_COUNT = sizeof suites / sizeof suites[0] };

static int usage(int status) {
  FILE *to = status ? stderr : stdout;
  fprintf(to, "usage: sdpa_test [--isa TIER] [--case 'batch=1 q_len=3 ...' | SUITE ...]\nsuites:");
  for (int i = 0; i < SUITE_COUNT; i++) fprintf(to, " %s", suites[i].name);
  fprintf(to, "\n");
  return status;
}

static int run_suite(const char *name) {
  for (int i = 0; i < SUITE_COUNT; i++) {
    if (!strcmp(name, suites[i].name)) {
      suites[i].run();
      return 1;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"isa", required_argument, NULL, 'i'},
                                          {"case", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  check_start();
  const char *replay = NULL;
  int option;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 'c') {
      replay = optarg;
    } else if (option == 'h') {
      return usage(0);
    } else if (option != 'i' || !test_only_tier(optarg)) {
      return usage(2);
    }
  }
  if (replay != NULL) {
    sdpa_case c;
    if (!sdpa_case_parse(&c, replay)) return usage(2);
    sdpa_case_run(&c);
    return check_finish("case");
  }
  for (int i = optind; i < argc; i++) {
    if (!run_suite(argv[i])) return usage(2);
  }
  for (int i = 0; i < SUITE_COUNT && optind == argc; i++) suites[i].run();
  return check_finish("sdpa_test");
}
