// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 32 };

static int takes_argument(const cli_option *o) {
  if (o->kind == CLI_FLAG) return no_argument;
  return o->kind == CLI_CHOICE && o->min >= 0 ? optional_argument : required_argument;
}

static void print_usage(FILE *to, const cli_command *command) {
  fprintf(to, "usage: rapt-bench %s", command->name);
  for (const cli_option *o = command->options; o->name != NULL; o++) {
    const char *before = takes_argument(o) == optional_argument ? "[=" : " ";
    const char *after = takes_argument(o) == optional_argument ? "]" : "";
    fprintf(to, " [--%s%s%s%s]", o->name, o->argument != NULL ? before : "", o->argument != NULL ? o->argument : "",
            after);
  }
  fprintf(to, "\n");
}

static void print_help(const cli_command *command) {
  print_usage(stdout, command);
  printf("%s\n\n", command->summary);
  for (const cli_option *o = command->options; o->name != NULL; o++) {
    printf("  --%-11s %-8s %s\n", o->name, o->argument != NULL ? o->argument : "", o->help);
  }
  printf("  --%-11s %-8s %s\n", "help", "", "this text");
}

static enum cli_outcome reject(const cli_command *command, const char *format, va_list args) {
  fprintf(stderr, "rapt-bench %s: ", command->name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  print_usage(stderr, command);
  return CLI_BAD;
}

enum cli_outcome cli_reject(const cli_command *command, const char *format, ...) {
  va_list args;
  va_start(args, format);
  enum cli_outcome outcome = reject(command, format, args);
  va_end(args);
  return outcome;
}

int cli_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("rapt-bench: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return EXIT_FAILED;
}

// A whole decimal number in [min, max] up to the terminator; nothing around it.
static int parse_integer(const char *text, char terminator, int64_t min, int64_t max, int64_t *value,
                         const char **rest) {
  char *end = NULL;
  errno = 0;
  long long parsed = strtoll(text, &end, 10);
  if (errno || end == text || *end != terminator || text[0] == ' ' || text[0] == '+' || parsed < min || parsed > max) {
    return 0;
  }
  *value = parsed;
  *rest = *end ? end + 1 : end;
  return 1;
}

static enum cli_outcome set_choice(const cli_command *command, const cli_option *o, const char *text) {
  if (text == NULL) {
    *(int *)o->target = (int)o->min;
    return CLI_RUN;
  }
  char allowed[256] = "";
  for (int i = 0; o->choices[i] != NULL; i++) {
    if (!strcmp(text, o->choices[i])) {
      *(int *)o->target = i;
      return CLI_RUN;
    }
    size_t used = strlen(allowed);
    snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", o->choices[i]);
  }
  return cli_reject(command, "--%s: '%s' is none of: %s", o->name, text, allowed);
}

static enum cli_outcome set(const cli_command *command, const cli_option *o, const char *text) {
  const char *rest = NULL;
  switch (o->kind) {
    case CLI_FLAG:
      *(int *)o->target = 1;
      return CLI_RUN;
    case CLI_CHOICE:
      return set_choice(command, o, text);
    case CLI_TEXT:
      *(const char **)o->target = text;
      return CLI_RUN;
    case CLI_INTEGER:
      if (!parse_integer(text, '\0', o->min, o->max, o->target, &rest)) {
        return cli_reject(command, "--%s: '%s' is not a whole number from %lld to %lld", o->name, text,
                          (long long)o->min, (long long)o->max);
      }
      return CLI_RUN;
    default: {
      int64_t pair[2];
      if (!parse_integer(text, ',', o->min, o->max, &pair[0], &rest) ||
          !parse_integer(rest, '\0', o->min, o->max, &pair[1], &rest)) {
        return cli_reject(command, "--%s: '%s' is not two whole numbers from %lld to %lld with a comma between",
                          o->name, text, (long long)o->min, (long long)o->max);
      }
      memcpy(o->target, pair, sizeof pair);
      return CLI_RUN;
    }
  }
}

enum cli_outcome cli_parse(const cli_command *command, int argc, char **argv) {
  struct option table[MAX_OPTIONS + 2];
  int count = 0;
  for (; command->options[count].name != NULL && count < MAX_OPTIONS; count++) {
    table[count] = (struct option){command->options[count].name, takes_argument(&command->options[count]), NULL, 0};
  }
  table[count] = (struct option){"help", no_argument, NULL, 0};
  table[count + 1] = (struct option){NULL, 0, NULL, 0};
  // 0 makes glibc start over, for a second parse of the same arguments.
  optind = 0;
  opterr = 0;
  int index = -1;
  int found;
  while ((found = getopt_long(argc, argv, ":", table, &index)) != -1) {
    const char *word = argv[optind - 1];
    if (found == ':') return cli_reject(command, "%s needs an argument", word);
    if (found != 0) {
      return cli_reject(command, "unknown or ambiguous option '%s', or an argument where none belongs", word);
    }
    if (index == count) {
      print_help(command);
      return CLI_HELP;
    }
    enum cli_outcome outcome = set(command, &command->options[index], optarg);
    if (outcome != CLI_RUN) return outcome;
  }
  if (optind < argc) return cli_reject(command, "unexpected argument '%s'", argv[optind]);
  return CLI_RUN;
}
