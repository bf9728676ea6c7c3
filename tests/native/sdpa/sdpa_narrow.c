// SPDX-License-Identifier: Apache-2.0
// A case's tensors of other types, and what they stand for in the f32 tensors that the reference reads.
#include <math.h>

#include "sdpa/sdpa_case.h"
#include "support/storage.h"

static void place_scale(const sdpa_case *c, const test_tensor *of, int64_t groups, test_tensor *scale) {
  const int64_t size[4] = {of->size[0], of->size[1], of->size[2], groups};
  int64_t keys = size[2], row = keys * groups;
  // Groups innermost, or outermost within a head.
  int64_t inner[4] = {size[1] * row, row, groups, 1}, outer[4] = {size[1] * row, row, 1, keys};
  int64_t *stride = c->seed % 2 ? inner : outer;
  for (int d = 0; d < 2; d++) stride[d] = of->tensor.stride[d] == 0 ? 0 : stride[d];
  test_tensor_place(scale, RAPT_F32, 4, size, stride, (int)c->guard);
}

// One group of elements that share a scale: the largest becomes 127. A group with a NaN gets it as its scale.
static void quantise_group(float *from, int64_t stride, int64_t count, signed char *to, int64_t to_stride,
                           float *scale) {
  float largest = 0;
  for (int64_t i = 0; i < count; i++) {
    float magnitude = fabsf(from[i * stride]);
    largest = isnan(largest) || magnitude <= largest ? largest : magnitude;
  }
  *scale = isfinite(largest) ? largest / 127 : largest;
  for (int64_t i = 0; i < count; i++) {
    float q = *scale > 0 && isfinite(*scale) ? rintf(from[i * stride] / *scale) : 1;
    to[i * to_stride] = (signed char)(int)q;
    from[i * stride] = q * *scale;
  }
}

static void quantise(const sdpa_case *c, const test_tensor *wide, int64_t groups, test_tensor *narrow,
                     test_tensor *scale) {
  const rapt_tensor *t = &wide->tensor;
  test_tensor_place(narrow, RAPT_I8, 4, wide->size, t->stride, (int)c->guard);
  place_scale(c, wide, groups, scale);
  // Memory that batches or heads share is quantised once.
  int64_t batches = t->stride[0] == 0 && wide->size[0] > 0 ? 1 : wide->size[0];
  int64_t heads = t->stride[1] == 0 ? 1 : wide->size[1], count = wide->size[3] / groups;
  for (int64_t b = 0; b < batches; b++) {
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t j = 0; j < wide->size[2]; j++) {
        for (int64_t g = 0; g < groups; g++) {
          signed char *to = (signed char *)narrow->tensor.data + tensor_index(&narrow->tensor, b, h, j, g * count);
          quantise_group(tensor_f32(t, b, h, j, g * count), t->stride[3], count, to, narrow->tensor.stride[3],
                         tensor_f32(&scale->tensor, b, h, j, g));
        }
      }
    }
  }
}

// Memory that is shared, or that value is a part of, is rounded once or again to what it is.
static void round_to_bf16(const sdpa_case *c, const test_tensor *wide, test_tensor *narrow) {
  const rapt_tensor *t = &wide->tensor;
  test_tensor_place(narrow, RAPT_BF16, 4, wide->size, t->stride, (int)c->guard);
  for (int64_t b = 0; b < wide->size[0]; b++) {
    for (int64_t h = 0; h < wide->size[1]; h++) {
      for (int64_t i = 0; i < wide->size[2]; i++) {
        for (int64_t d = 0; d < wide->size[3]; d++) {
          int64_t at = tensor_index(t, b, h, i, d);
          storage_set(narrow->tensor.data, RAPT_BF16, at, *tensor_f32(t, b, h, i, d));
          *tensor_f32(t, b, h, i, d) = storage_get(narrow->tensor.data, RAPT_BF16, at);
        }
      }
    }
  }
}

void sdpa_case_narrow(const sdpa_case *c, sdpa_tensors *t, rapt_sdpa *call) {
  if (c->key_groups > 0) {
    quantise(c, &t->key, c->key_groups, &t->key_i8, &t->key_scale);
    call->key = t->key_i8.tensor;
    call->key_scale = t->key_scale.tensor;
    call->key_scale_groups = c->key_groups;
  }
  if (c->value_groups > 0) {
    quantise(c, &t->value, c->value_groups, &t->value_i8, &t->value_scale);
    call->value = t->value_i8.tensor;
    call->value_scale = t->value_scale.tensor;
    call->value_scale_groups = c->value_groups;
  }
  if (c->bf16) {
    round_to_bf16(c, &t->query, &t->query_bf16);
    round_to_bf16(c, &t->key, &t->key_bf16);
    call->query = t->query_bf16.tensor;
    call->key = t->key_bf16.tensor;
  }
}
