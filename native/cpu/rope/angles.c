// SPDX-License-Identifier: Apache-2.0
#include "cpu/rope/angles.h"

#include <inttypes.h>

#include "base/error.h"

rapt_status rapt_angles_check(const rapt_tensor *positions, int64_t batch, int64_t length, int64_t table_length,
                              rapt_error *error) {
  if (!rapt_is_present(positions)) return RAPT_OK;
  for (int64_t b = 0; b < batch; b++) {
    for (int64_t s = 0; s < length; s++) {
      int64_t position = rapt_index_at(positions, b, s);
      if (position >= 0 && position < table_length) continue;
      return rapt_fail(error, RAPT_INVALID_ARGUMENT,
                       "positions(%" PRId64 ", %" PRId64 ") is %" PRId64 "; allowed: 0 to %" PRId64, b, s, position,
                       table_length - 1);
    }
  }
  return RAPT_OK;
}
