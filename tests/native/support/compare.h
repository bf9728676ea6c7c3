// SPDX-License-Identifier: Apache-2.0
// Judges a result against the reference.
#ifndef RAPT_TESTS_SUPPORT_COMPARE_H
#define RAPT_TESTS_SUPPORT_COMPARE_H

#include <rapt/rapt.h>
#include <stdint.h>

#include "reference.h"

// Checks that every element of t (sizes in size, 1 where a dimension does not exist) is as far from what is expected
// (dense, the same order) as its error says, or in 16 bits the nearest to a number that is; a NaN or an infinity is
// expected as such. Reports the worst element.
void compare_result(const char *where, const char *name, const rapt_tensor *t, const int64_t size[4],
                    const reference_number *expected);

#endif
