// SPDX-License-Identifier: Apache-2.0
// Tiles with a masked key whose values are not all finite. 0 * NaN is NaN, so terms of weight 0 are left out there
// instead of multiplied. But then a visible key's weight must not round to 0, or its NaN would be left out too. The
// least there is takes its place: even the largest value adds less than half a millionth with it.
#include <float.h>

#include "cpu/sdpa/parts.h"

void rapt_sdpa_note_visible(int64_t count, const float *scores, unsigned char *visible) {
  for (int64_t i = 0; i < count; i++) visible[i] = scores[i] != -__builtin_inff();
}

void rapt_sdpa_keep_visible(int64_t count, const unsigned char *visible, float *weights) {
  for (int64_t i = 0; i < count; i++) {
    if (visible[i] && weights[i] == 0) weights[i] = FLT_TRUE_MIN;
  }
}
