// SPDX-License-Identifier: Apache-2.0
// rapt-bench: finds the subcommand and hands over.
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
#define COMMAND(name, summary) {#name, summary, command_##name},
    EACH_COMMAND(COMMAND)};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void usage(FILE *to) {
  fprintf(to, "usage: rapt-bench COMMAND [OPTION ...]; commands:");
  for (int i = 0; i < COMMAND_COUNT; i++) fprintf(to, " %s", commands[i].name);
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
    for (int i = 0; i < COMMAND_COUNT; i++) printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("'rapt-bench COMMAND --help' lists a command's options. rapt %s\n", rapt_version());
    return EXIT_GOOD;
  }
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (!strcmp(argv[1], commands[i].name)) {
      int status = commands[i].run(argc - 1, argv + 1);
      // A full disk must not look like a finished benchmark.
      return fflush(stdout) || ferror(stdout) ? cli_fail("cannot write the results") : status;
    }
  }
  fprintf(stderr, "rapt-bench: unknown command '%s'\n", argv[1]);
  usage(stderr);
  return EXIT_USAGE;
}
