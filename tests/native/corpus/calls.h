// SPDX-License-Identifier: Apache-2.0
// The corpus's problems as calls of rapt.h: the one place to change where the ABI does.
#ifndef RAPT_TESTS_CORPUS_CALLS_H
#define RAPT_TESTS_CORPUS_CALLS_H

#include <rapt/rapt.h>

#include "problems.h"

// Each runs the problem into its outputs; ends the test where the library refuses, for every problem is valid.
void sdpa_call(rapt_context *context, const sdpa_problem *p);
void mha_call(rapt_context *context, const mha_problem *p);
void linear_call(rapt_context *context, const linear_problem *p);
void rope_call(rapt_context *context, const rope_problem *p);
void gelu_call(rapt_context *context, const gelu_problem *p);
void norm_call(rapt_context *context, const norm_problem *p);

// What the library calls this CPU.
void call_cpu_name(char *name, size_t size);

#endif
