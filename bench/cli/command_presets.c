// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "commands.h"
#include "json.h"
#include "report.h"

static int json;
static const cli_option options[] = {{"json", NULL, "one JSON object per line on stdout", CLI_FLAG, &json, 0, 0, NULL},
                                     {.name = NULL}};
static const cli_command command = {"presets", "Lists the problems that --preset knows.", options};

int command_presets(int argc, char **argv) {
  enum cli_outcome outcome = cli_parse(&command, argc, argv);
  if (outcome != CLI_RUN) return outcome == CLI_HELP ? EXIT_GOOD : EXIT_USAGE;
  for (const bench_preset *p = bench_presets; p->name != NULL; p++) {
    char shape[160];
    problem_describe(&p->problem, shape, sizeof shape);
    if (json) {
      json_begin("presets");
      json_text("preset", p->name);
      json_text("description", p->what);
      report_json_problem(&p->problem);
      json_real("flops", problem_flops(&p->problem));
      json_real("bytes", problem_bytes(&p->problem));
      json_end();
    } else {
      printf("%-24s %-62s %s\n", p->name, shape, p->what);
    }
  }
  return EXIT_GOOD;
}
