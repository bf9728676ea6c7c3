// SPDX-License-Identifier: Apache-2.0
// The list of operations: use(NAME, word) for each, where RAPT_NAME is its number. Everything that exists once per
// operation (typed functions, the registry, the devices' tables) is made from this list.
#ifndef RAPT_CALL_OPERATIONS_H
#define RAPT_CALL_OPERATIONS_H

// clang-format off
#define RAPT_EACH_OPERATION(use) \
  use(SDPA, sdpa)                \
  use(ROPE, rope)                \
  use(LINEAR, linear)            \
  use(MHA, mha)                  \
  use(MERGE, merge)              \
  use(GELU, gelu)                \
  use(NORM, norm)                \
  use(APPEND, append)
// clang-format on

#endif
