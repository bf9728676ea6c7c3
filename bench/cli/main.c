/* SPDX-License-Identifier: Apache-2.0 */
/* rapt-bench: finds the subcommand and hands over. */
#include <rapt/rapt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"

static const struct {
  const char *name;
  const char *summary;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"sdpa", "time scaled dot-product attention", command_sdpa},
    {"mha", "time multi-head attention with its projections", command_mha},
    {"rope", "time rotary position embedding", command_rope},
    {"merge", "time merging partial results", command_merge},
    {"call", "time the cost of a call, on a tiny problem", command_call},
    {"callers", "time many callers on one context against one", command_callers},
    {"ceilings", "measure the multiply-add peak and the read bandwidth", command_ceilings},
    {"presets", "list named problems", command_presets},
    {"verify", "check every tier on a few problems", command_verify},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void usage(FILE *to) {
  fprintf(to, "usage: rapt-bench COMMAND [OPTION ...]; commands:");
  for (int i = 0; i < COMMAND_COUNT; i++) {
    fprintf(to, " %s", commands[i].name);
  }
  fprintf(to, "\n");
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "rapt-bench: a command is missing\n");
    usage(stderr);
    return EXIT_USAGE;
  }
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
    usage(stdout);
    for (int i = 0; i < COMMAND_COUNT; i++) {
      printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    }
    printf("'rapt-bench COMMAND --help' lists a command's options. rapt %s\n", rapt_version());
    return EXIT_GOOD;
  }
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (!strcmp(argv[1], commands[i].name)) {
      int status = commands[i].run(argc - 1, argv + 1);
      /* A full disk must not look like a finished benchmark. */
      return fflush(stdout) || ferror(stdout) ? cli_fail("cannot write the results") : status;
    }
  }
  fprintf(stderr, "rapt-bench: unknown command '%s'\n", argv[1]);
  usage(stderr);
  return EXIT_USAGE;
}
