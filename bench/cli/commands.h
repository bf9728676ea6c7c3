// SPDX-License-Identifier: Apache-2.0
// The subcommands. Each takes its own argv (argv[0] is its name) and returns the exit status.
#ifndef RAPT_BENCH_COMMANDS_H
#define RAPT_BENCH_COMMANDS_H

// use(name, summary) for each, in the order of the usage line.
// clang-format off
#define EACH_COMMAND(use) \
  use(sdpa, "time scaled dot-product attention") \
  use(mha, "time multi-head attention with its projections") \
  use(linear, "time a linear projection") \
  use(rope, "time rotary position embedding") \
  use(merge, "time merging partial results") \
  use(gelu, "time the activation GELU") \
  use(norm, "time layer normalisation") \
  use(append, "time appending keys and values to a cache") \
  use(call, "time the cost of a call, on a tiny problem") \
  use(callers, "time many callers on one context against one") \
  use(ceilings, "measure the multiply-add peak and the read bandwidth") \
  use(presets, "list named problems") \
  use(verify, "check every tier on a few problems")
// clang-format on

#define DECLARE_COMMAND(name, summary) int command_##name(int argc, char **argv);
EACH_COMMAND(DECLARE_COMMAND)

#endif
