// SPDX-License-Identifier: Apache-2.0
#include "compare.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "guard.h"
#include "storage.h"

// Whether a 16-bit number is what some number within the bound rounds to: rounding keeps their order.
static int rounds_to(int32_t dtype, double got, double exact, double bound) {
  double low = (double)storage_value(dtype, storage_nearest(dtype, (float)(exact - bound)));
  double high = (double)storage_value(dtype, storage_nearest(dtype, (float)(exact + bound)));
  return low <= got && got <= high;
}

static int agrees(int32_t dtype, double got, double exact, double bound) {
  if (isnan(exact)) return isnan(got);
  if (isinf(exact)) return got == exact;
  return fabs(got - exact) <= bound || (dtype != RAPT_F32 && rounds_to(dtype, got, exact, bound));
}

void compare_result(const char *where, const char *name, const rapt_tensor *t, const int64_t size[4],
                    const reference_number *expected) {
  int64_t at = 0, bad = 0;
  double worst = -1, worst_got = 0;
  reference_number worst_expected = {0};
  int64_t worst_index[4] = {0};
  for (int64_t i = 0; i < size[0]; i++) {
    for (int64_t j = 0; j < size[1]; j++) {
      for (int64_t k = 0; k < size[2]; k++) {
        for (int64_t l = 0; l < size[3]; l++, at++) {
          double got = (double)storage_get(t->data, t->dtype, tensor_index(t, i, j, k, l));
          if (agrees(t->dtype, got, expected[at].value, expected[at].error)) continue;
          bad++;
          double distance = fabs(got - expected[at].value) / expected[at].error;
          distance = isnan(distance) ? INFINITY : distance;
          if (distance > worst) {
            int64_t index[4] = {i, j, k, l};
            memcpy(worst_index, index, sizeof index);
            worst = distance;
            worst_got = got;
            worst_expected = expected[at];
          }
        }
      }
    }
  }
  CHECK(bad == 0,
        "%s: %lld of %lld elements of %s, %s; [%lld,%lld,%lld,%lld]: expected %.9g, got %.9g, off by %.3g, bound %.3g",
        where, (long long)bad, (long long)at, name, storage_name(t->dtype), (long long)worst_index[0],
        (long long)worst_index[1], (long long)worst_index[2], (long long)worst_index[3], worst_expected.value,
        worst_got, fabs(worst_got - worst_expected.value), worst_expected.error);
}
