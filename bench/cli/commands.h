/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file commands.h
 * @brief The subcommands. Each takes its own argv (argv[0] is its name) and returns the exit status.
 */
#ifndef RAPT_BENCH_COMMANDS_H
#define RAPT_BENCH_COMMANDS_H

int command_sdpa(int argc, char **argv);
int command_mha(int argc, char **argv);
int command_rope(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_call(int argc, char **argv);
int command_callers(int argc, char **argv);
int command_ceilings(int argc, char **argv);
int command_presets(int argc, char **argv);
int command_verify(int argc, char **argv);

#endif
