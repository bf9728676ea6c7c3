// SPDX-License-Identifier: Apache-2.0
// Problems as bytes, for whoever runs them by another way than rapt.h; the same machine reads them, so its byte order.
//
// A problem is a line of its number, operation and integers, as --print shows them: what is 0 is left out. A line for
// each array follows, and an empty one ends it:
//   NAME TYPE SIZE*4 STRIDE*4 OFFSET BYTES OWNER
// Strides count elements. OFFSET is where index 0 lies among the BYTES of the array's memory. These follow the line
// where OWNER is NAME; an array with another OWNER lies in that one's memory.
#ifndef RAPT_TESTS_CORPUS_SEND_H
#define RAPT_TESTS_CORPUS_SEND_H

#include "problems.h"

// Outputs too, as they are before the first run. All but the line of integers, which is print's.
void sdpa_send(FILE *to, const sdpa_problem *p);
void mha_send(FILE *to, const mha_problem *p);
void linear_send(FILE *to, const linear_problem *p);
void rope_send(FILE *to, const rope_problem *p);
void gelu_send(FILE *to, const gelu_problem *p);
void norm_send(FILE *to, const norm_problem *p);

#endif
