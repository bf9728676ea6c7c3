// SPDX-License-Identifier: Apache-2.0
// Command-line options as a table over getopt_long: typed targets, ranges, help, one usage line.
#ifndef RAPT_BENCH_CLI_H
#define RAPT_BENCH_CLI_H

#include <stdint.h>

// Exit statuses of rapt-bench.
enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum cli_kind {
  // target: int64_t, from min to max.
  CLI_INTEGER,
  // target: int, becomes 1.
  CLI_FLAG,
  // target: int, becomes the index in choices. Where min >= 0 the argument may be left out and means choice min.
  CLI_CHOICE,
  // target: const char *.
  CLI_TEXT,
  // target: int64_t[2], "L,R", each from min to max.
  CLI_PAIR
};

typedef struct cli_option {
  const char *name;
  // What usage and help call the argument; NULL for a flag.
  const char *argument;
  const char *help;
  enum cli_kind kind;
  void *target;
  int64_t min;
  int64_t max;
  // NULL-terminated.
  const char *const *choices;
} cli_option;

typedef struct cli_command {
  // "sdpa".
  const char *name;
  // One line.
  const char *summary;
  // Ends with an entry whose name is NULL.
  const cli_option *options;
} cli_command;

enum cli_outcome { CLI_RUN, CLI_HELP, CLI_BAD };

// Parses argv[1..] into the targets. --help prints the help to stdout: CLI_HELP. A bad argument gets a line that names
// it and a usage line on stderr: CLI_BAD.
enum cli_outcome cli_parse(const cli_command *command, int argc, char **argv);

// A value that is wrong only together with others: the same two lines on stderr. Returns CLI_BAD.
enum cli_outcome cli_reject(const cli_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A failure that is not the command line's fault: a line on stderr. Returns EXIT_FAILED.
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
