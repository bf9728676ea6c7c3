// SPDX-License-Identifier: Apache-2.0
// A validated rotary embedding: what every device starts from.
#ifndef RAPT_OPS_ROPE_PROBLEM_H
#define RAPT_OPS_ROPE_PROBLEM_H

#include "rapt/rapt.h"

#ifdef __cplusplus
extern "C" {
#endif

// Fills *call from a caller's struct, with rotary_dim as it counts (never 0). Reads no tensor. An output that is its
// input afterwards begins where that does: any other overlap is refused.
rapt_status rapt_rope_validate(const rapt_rope *from, rapt_rope *call, rapt_error *error);

#ifdef __cplusplus
}
#endif

#endif
